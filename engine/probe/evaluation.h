// Runs a model over sequences, with interventions, listened to by probes.
#pragma once

#include "model/weights.h"
#include "ops/tune_matmul.h"
#include "probe/probe.h"

#include <functional>
#include <optional>
#include <vector>

namespace ablate {

/// Sequences to evaluate: (rows, columns) ids. With `shifted` the model sees columns 0 .. columns-2 and predicts the next of each (training windows);
/// otherwise it sees all columns and the last position's loss does not count.
struct EvaluationData {
  std::uint32_t rows = 0, columns = 0;
  std::vector<std::int32_t> ids;
  bool shifted = false;
  /// Loss on output positions a .. b-1 only.
  std::optional<std::pair<int, int>> positions;

  std::uint32_t tokens() const { return columns - (shifted ? 1 : 0); }
};

struct Evaluation {
  std::optional<double> loss;  ///< nats per predicted token; none where no token is predicted
  std::uint64_t counted = 0;
  std::uint64_t non_finite = 0;             ///< infinities and NaNs at all hook points and among the losses, where they are allowed
  std::uint64_t non_finite_statistics = 0;  ///< and among the numbers that statistics read
  std::string first_non_finite;  ///< "residual.3 (block 3, attention), sequence 0, token 5: NaN in f16; it begins at layer.1.attn.q"
  double tokens_per_second = 0;  ///< of the batches after the first, or of that if it is the only one; building and tuning do not count
  std::uint64_t memory = 0;      ///< bytes of activations of the largest graph
};

struct EvaluatorOptions {
  bool allow_non_finite = false;  ///< go on when activations are not finite, and count them
  std::uint32_t sequences = 0;    ///< how many go through the model at once; 0: as many as keep the device busy and fit its memory
};

class Evaluator {
 public:
  /// With a tuner, kernels are chosen by timing them, and how many sequences go at once is kept with the choices: a resumed run has the same. Throws
  /// InputError when an id lies outside the vocabulary or the windows are longer than max_seq_len with learned positions.
  Evaluator(Pipelines& pipelines, const Weights& weights, DType activations, const EvaluationData& data, Tuner* tuner = nullptr,
            const EvaluatorOptions& options = {});

  /// Over all of the data. `hooks` intervene; probes listen to what comes out of them, but not within blocks that are left out.
  /// `progress(done, all)` counts sequences. Probes that ask for it get further passes of their own, which `progress` does not count.
  /// Throws RunError naming the first state, token and op that are not finite, unless they are allowed.
  Evaluation run(const Hooks& hooks, const std::vector<Probe*>& probes,
                 const std::function<void(std::uint32_t, std::uint32_t)>& progress = {});

  /// Shows the graph that run() would use with `free` bytes free (the smallest if none fits), and how many times. The weights need no memory
  /// behind them.
  void plan(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free,
            const std::function<void(const Graph&, double times)>& look);

  /// Runs the first sequences again and again, as many of them as `flop` allows; where it does not allow one, as many of its tokens, but no fewer than
  /// `least_tokens`: what every dispatch takes, and what the whole takes (seconds).
  void time(const std::vector<Probe*>& probes, double flop, std::uint32_t least_tokens,
            const std::function<void(const Graph&, const std::vector<DispatchTime>&, double together)>& tell);

 private:
  Evaluation one_pass(const Hooks& hooks, const std::vector<Probe*>& probes,
                      const std::function<void(std::uint32_t, std::uint32_t)>& progress);
  struct Pass;
  std::uint32_t rows_at_once(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free);
  std::uint32_t fitting_rows(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free);
  std::uint32_t recorded_rows(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free);
  void count_non_finite(Evaluation& result, Executor& executor, const Pass& pass, const ProbeBatch& batch,
                        const std::vector<float>& losses) const;
  void collect(Evaluation& result, Executor& executor, const std::vector<Probe*>& probes, const ProbeBatch& batch) const;
  std::unique_ptr<Pass> build(std::uint32_t rows, const Hooks& hooks, const std::vector<Probe*>& probes);
  std::unique_ptr<Pass> build(std::uint32_t rows, std::uint32_t tokens, const Hooks& hooks, const std::vector<Probe*>& probes);

  Pipelines& pipelines_;
  const Weights& weights_;
  DType activations_;
  EvaluationData data_;
  Tuner* tuner_;
  EvaluatorOptions options_;
};

}  // namespace ablate
