// Trains a transformer: one recorded command buffer per step, everything that carries over from step to step on the device.
#pragma once

#include "graph/executor.h"
#include "model/transformer.h"
#include "ops/optimizer.h"
#include "ops/tune_matmul.h"
#include "train/data/source.h"
#include "train/gradient_sum.h"
#include "train/loss_spikes.h"
#include "train/train_settings.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// A step's loss or gradient is not finite, or a loss spike ends the training: on every rank, in the same step.
struct StepFailed : RunError {
  using RunError::RunError;
};

/// What one step reports.
struct StepReport {
  double loss = 0;       ///< nats per counted token of the step's batch
  double grad_norm = 0;  ///< before clipping, loss scale taken out
  bool skipped = false;  ///< mixed-f16: the gradients overflowed, the loss scale was lowered and nothing else changed
  bool spike = false;    ///< a loss spike, whose update was left out
  double loss_scale = 1;
};

class Trainer {
 public:
  /// `weights` are for training and already filled. With a tuner, kernels are chosen by timing them. Throws InputError for settings that
  /// cannot work with the model or the data, DeviceError with the figure and what to change when memory does not suffice.
  /// With `ranks`, each does its share of a batch's pieces (train.accumulate), for the same bits; all of them do every step together.
  Trainer(Pipelines& pipelines, Weights& weights, const DataSource& data, const TrainSettings& settings, DType activations,
          Tuner* tuner = nullptr, const ExecutorOptions& options = {}, Collective* ranks = nullptr);

  /// One step; with ranks a piece of it. All that can be asked where the weights have no memory, with the next.
  const Graph& graph() const { return *graph_; }
  /// Calls `look` with all that this rank does in a step, and how often.
  void plan(const std::function<void(const Graph&, double times)>& look) const;
  /// Whether blocks are computed again in the backward pass (train.recompute). Where "auto" decided so: the bytes of activations that a step
  /// takes, and would take otherwise.
  struct Recomputation {
    bool blocks = false;
    std::uint64_t bytes = 0, without = 0;
  };
  const Recomputation& recomputation() const { return recomputation_; }

  /// The next step to be done; steps done so far.
  std::int64_t step() const { return step_; }
  /// Losses of the last steps, the latest at the end; saved with the rest.
  const std::vector<float>& recent_losses() const { return recent_losses_; }
  const LossSpikes& loss_spikes() const { return loss_spikes_; }
  /// What the device keeps from step to step.
  StepState state() const;

  /// Does one step. Throws StepFailed naming the step and the first tensor that went bad when the loss or (outside mixed-f16) a gradient is not finite;
  /// the weights are then those before the step. So they are where a loss spike ends the training.
  StepReport train_step();

  /// Gives the other ranks the weights and all that goes with them as rank 0 has them; called by all.
  void share();
  /// Whether this process (with ranks: one of them, before the last step) was asked to stop.
  bool asked_to_stop() const;

  /// Seconds of every dispatch of the last step, with options.profile.
  std::vector<DispatchTime> times() const { return executor_->times(); }

  /// The gradients of the last step, loss scale taken out, under the weights' names.
  std::vector<TensorToWrite> gradients();

  /// The optimizer's state beside the weights: moments, loss scale, step; `notes` go into the file's metadata. load() throws InputError
  /// when the file is of another model.
  void save(const std::filesystem::path& file, Metadata notes = {}) const;
  /// What save() writes: tensors that are read when they are written, and metadata.
  std::vector<TensorToWrite> state_to_write() const;
  Metadata state_notes(Metadata notes) const;
  void load(const std::filesystem::path& file);

 private:
  struct Tensors {
    Tensor ids, targets;  // (B, T), (B * T): what the graph reads
    Tensor losses;
  };
  void build(Tuner* tuner);
  void append_step(const Choices* choices);
  void decide_recomputation(Tuner* tuner);
  Tensor piece(ParameterTensors& parameters, const Tensor& scale, std::uint32_t index);
  void optimizer_step(Graph& graph, const Tensor& mean_loss);
  void give_inputs(int first_piece, int pieces);
  void run_pieces();
  void share_loss_spikes();
  TensorToWrite moment(const char* name, Buffer Weights::Block::*buffer) const;
  void load_moment(const TensorView& saved, Buffer Weights::Block::*buffer);
  void prepare(std::int64_t step);
  [[noreturn]] void report_bad(const std::string& what);

  Pipelines& pipelines_;
  Weights& weights_;
  const DataSource& data_;
  TrainSettings settings_;
  DType activations_;
  std::uint32_t rows_, tokens_;  // B per piece, T
  Buffer host_in_, host_out_;    // mapped: ids, targets, lr, limit of the loss, with ranks the loss; loss, norm, skipped, loss scale
  Buffer state_;                 // StepState
  std::optional<Graph> graph_;
  std::unique_ptr<Executor> executor_;
  Collective* ranks_;  // none: this process does everything, in one graph
  std::optional<Graph> update_graph_;
  std::unique_ptr<Executor> update_;
  std::optional<GradientSum> sum_;
  bool stop_ = false;
  Recomputation recomputation_;
  double counted_ = 0;
  std::vector<std::int32_t> next_ids_, next_targets_;  // of step_, prepared while the device works
  std::vector<float> recent_losses_;
  LossSpikes loss_spikes_;
  std::int64_t step_ = 0, prepared_ = -1;
  float last_loss_scale_ = 1;
};

}  // namespace ablate
