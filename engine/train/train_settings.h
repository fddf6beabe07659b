// The [train] table.
#pragma once

#include "base/settings.h"

#include <optional>
#include <utility>

namespace ablate {

struct TrainSettings {
  int steps = 1000;
  int batch = 32;      ///< sequences per optimizer step
  int seq_len = 256;   ///< T: input tokens per sequence
  int accumulate = 1;  ///< the batch is done in this many pieces of batch / accumulate sequences

  std::string recompute = "auto";  ///< none | blocks: a block's activations are computed again in the backward pass | auto

  std::string optimizer =
      "adamw";       ///< adamw (PyTorch's semantics) | sgd | muon (of the matrices between embedding and head; adamw of all else)
  double lr = 3e-4;  ///< the highest learning rate of the schedule
  int warmup = 0;    ///< steps of warmup, factor 1 - (1 - s / warmup)^2
  std::string schedule = "cosine";  ///< cosine | constant, after the warmup
  double min_lr_ratio = 0.1;        ///< where cosine ends, as a share of lr
  std::pair<double, double> betas{0.9, 0.95};
  double eps = 1e-8;
  double momentum = 0.9;        ///< of sgd
  double muon_momentum = 0.95;  ///< of muon
  int muon_steps = 5;           ///< of Newton and Schulz
  double weight_decay = 0.1;
  std::string decay = "all";  ///< all | matrices (tensors of two or more dimensions)
  double clip = 1.0;          ///< global gradient norm; 0 does not clip

  /// Loss on output positions a .. b-1 only; all of them if absent.
  std::optional<std::pair<int, int>> loss_positions;
  std::string init;                    ///< a safetensors file with the first weights; empty: drawn from the seed
  std::string init_rule = "paper";     ///< how they are drawn: see model/initialization.h
  std::string precision = "f32";       ///< f32 | mixed-f16 | mixed-bf16
  std::string on_loss_spike = "none";  ///< none | skip | stop: see loss_spikes.h
  double loss_spike_factor = 1.5;      ///< over the median of the last losses
  int loss_spike_window = 100;         ///< so many of them
  bool dump_gradients = false;         ///< writes step 0's gradients to points/<id>/gradients.safetensors

  int log_every = 10;             ///< steps between lines of metrics.jsonl
  int checkpoint_every = 0;       ///< steps between checkpoints; 0: one at the end
  double checkpoint_minutes = 0;  ///< minutes between checkpoints, beside those; 0: none
  int checkpoint_keep = 1;        ///< so many checkpoints stay, the newest of them as checkpoint/
  int eval_windows = 256;         ///< validation windows of seq_len tokens for `loss`

  /// Reads and checks every key; throws InputError.
  static TrainSettings from(Settings& train);

  /// The learning rate of step s (0 is the first).
  double lr_at(std::int64_t step) const;
};

}  // namespace ablate
