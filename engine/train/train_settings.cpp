#include "train/train_settings.h"

#include "base/error.h"
#include "base/paths.h"
#include "model/initialization.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace ablate {
namespace {

constexpr int longest_window = 1 << 24;  // as model.max_seq_len
constexpr double largest_float = std::numeric_limits<float>::max(), smallest_float = std::numeric_limits<float>::min();

template <class T>
std::pair<T, T> read_pair(Settings& settings, const Key& key, std::pair<T, T> fallback) {
  const std::vector<T> values = settings.get<std::vector<T>>(key, {fallback.first, fallback.second});
  require(values.size() == 2, "{}: expected two numbers, found {}", settings.where(key), values.size());
  return {values[0], values[1]};
}

void check(Settings& settings, const TrainSettings& train) {
  for (const double beta : {train.betas.first, train.betas.second}) {
    require(beta >= 0 && beta < 1, "{}: expected numbers from 0 to below 1, found {}", settings.where("betas"), beta);
  }
  require(train.eps == 0 || train.eps >= smallest_float, "{}: {} is 0 in 32 bits", settings.where("eps"), train.eps);
  require(train.batch % train.accumulate == 0, "{}: batch ({}) is not a multiple of it ({})", settings.where("accumulate"), train.batch,
          train.accumulate);
  if (!train.loss_positions) return;
  const auto [first, end] = *train.loss_positions;
  require(first >= 0 && first < end && end <= train.seq_len,
          "{}: expected [a, b] with 0 <= a < b <= seq_len ({}): loss on output positions a .. b-1; found [{}, {}]",
          settings.where("loss_positions"), train.seq_len, first, end);
}

const SectionRegistration registration{{"train", [](Settings& experiment) {
                                          Settings train = experiment.table("train");
                                          TrainSettings::from(train);
                                        }}};

}  // namespace

TrainSettings TrainSettings::from(Settings& s) {
  TrainSettings t;
  t.steps = s.number({"steps", "optimizer steps"}, t.steps, 0);
  t.batch = s.number({"batch", "sequences per optimizer step"}, t.batch, 1);
  t.seq_len = s.number({"seq_len", "T, input tokens per sequence"}, t.seq_len, 1, longest_window);
  t.accumulate =
      s.number({"accumulate", "pieces that the batch is done in; more pieces take less memory and change nothing else"}, t.accumulate, 1);
  t.recompute = s.choice({"recompute",
                          "blocks: compute each block's activations again in the backward pass rather than keep them, for the "
                          "same bits in less memory and more time; auto: where memory does not suffice otherwise"},
                         t.recompute, {"none", "blocks", "auto"});

  t.optimizer = s.choice({"optimizer", "adamw and sgd as PyTorch has them, or muon for matrices (with AdamW for the rest)"}, t.optimizer,
                         {"adamw", "sgd", "muon"});
  t.lr = s.number({"lr", "highest learning rate of the schedule"}, t.lr, 0.0, largest_float);
  t.warmup = s.number({"warmup", "first steps, in which the learning rate rises by the factor 1 - (1 - step / warmup)^2"}, t.warmup, 0);
  t.schedule = s.choice({"schedule", "how the learning rate falls after the warmup"}, t.schedule, {"constant", "cosine"});
  t.min_lr_ratio = s.number({"min_lr_ratio", "where the cosine schedule ends, as a share of lr"}, t.min_lr_ratio, 0.0, 1.0);
  t.betas = read_pair(s, {"betas", "decay of AdamW's first and second moments"},
                      t.betas);  // the other optimizer's keys may stand there too: a sweep over optimizers shares a table
  t.eps = s.number({"eps", "added to the root of AdamW's second moment"}, t.eps, 0.0, largest_float);
  t.momentum = s.number({"momentum", "of sgd"}, t.momentum, 0.0, 1.0);
  t.muon_momentum = s.number({"muon_momentum", "of muon"}, t.muon_momentum, 0.0, 1.0);
  t.muon_steps = s.number({"muon_steps", "Newton-Schulz steps of muon"}, t.muon_steps, 1, 100);
  t.weight_decay = s.number({"weight_decay", "decoupled weight decay"}, t.weight_decay, 0.0, largest_float);
  t.decay =
      s.choice({"decay", "what weight decay acts on: all parameters, or those of two or more dimensions"}, t.decay, {"all", "matrices"});
  t.clip = s.number({"clip", "largest global norm of the gradient; 0 does not clip"}, t.clip, 0.0, largest_float);

  if (s.has("loss_positions"))
    t.loss_positions =
        read_pair<int>(s, {"loss_positions", "[a, b]: loss on output positions a to b-1 only; all of them if absent"}, {0, 0});
  t.init = read_path(s, {"init", "safetensors file with the first weights; drawn from the seed if absent"}).string();
  t.init_rule = s.choice({"init_rule", "distribution that the first weights are drawn from"}, t.init_rule, initialization_rules());
  t.precision =
      s.choice({"precision", "of the arithmetic; mixed keeps 32-bit master weights"}, t.precision, {"f32", "mixed-f16", "mixed-bf16"});
  t.on_loss_spike =
      s.choice({"on_loss_spike", "what is done about a step whose loss is far over those before: nothing, its update left out, or an end"},
               t.on_loss_spike, {"none", "skip", "stop"});
  t.loss_spike_factor = s.number({"loss_spike_factor", "a loss over so many times the median of the last ones is a spike"},
                                 t.loss_spike_factor, 1.0, largest_float);
  t.loss_spike_window = s.number({"loss_spike_window", "so many of the last losses that were no spikes"}, t.loss_spike_window, 1, 1 << 16);
  t.dump_gradients = s.get({"dump_gradients", "write the first step's gradients to gradients.safetensors"}, t.dump_gradients);

  t.log_every = s.number({"log_every", "steps between lines of metrics.jsonl"}, t.log_every, 1);
  t.checkpoint_every = s.number({"checkpoint_every", "steps between checkpoints; 0 makes one at the end"}, t.checkpoint_every, 0);
  t.checkpoint_minutes =
      s.number({"checkpoint_minutes", "minutes between checkpoints; 0 asks for none by time"}, t.checkpoint_minutes, 0.0, 1e9);
  t.checkpoint_keep =
      s.number({"checkpoint_keep", "checkpoints that stay: checkpoint/ and, of the ones before, checkpoint-STEP/"}, t.checkpoint_keep, 1);
  t.eval_windows = s.number({"eval_windows", "validation windows of seq_len tokens that the loss is taken on"}, t.eval_windows, 0);
  check(s, t);
  return t;
}

double TrainSettings::lr_at(std::int64_t step) const {
  if (step < warmup) {
    const double left = 1.0 - static_cast<double>(step) / warmup;
    return lr * (1.0 - left * left);
  }
  if (schedule == "constant" || steps <= warmup) return lr;
  const double done = static_cast<double>(step - warmup) / (steps - warmup);
  return lr * (min_lr_ratio + (1.0 - min_lr_ratio) * 0.5 * (1.0 + std::cos(done * std::numbers::pi)));
}

}  // namespace ablate
