// A probe listens to a forward pass and turns hook-point tensors into metrics. A kind registers itself in its own file.
#pragma once

#include "base/metric_names.h"
#include "base/metrics.h"
#include "graph/executor.h"
#include "model/hooks.h"
#include "model/transformer.h"
#include "probe/probe_settings.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

class Settings;

/// The sequences of one run of the graph.
struct ProbeBatch {
  std::uint32_t first = 0;                ///< index of the first among all sequences of the evaluation
  std::uint32_t rows = 0, tokens = 0;     ///< B, T
  const std::int32_t* ids = nullptr;      ///< (B, T)
  const std::int32_t* targets = nullptr;  ///< (B, T), negative: not counted
};

class Probe {
 public:
  virtual ~Probe() = default;

  /// Once, before everything else, for what is measured of the weights alone. Both outlive the probe's use.
  virtual void model(Pipelines&, const Weights&) {}
  /// A graph for `rows` sequences of `tokens` is about to be built: forget the tensors of an earlier one, keep what was measured.
  virtual void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) = 0;
  /// A hook point, after interventions. x: hook.shape_text(), (B, T, C).
  virtual void at(Graph&, const Hook&, const Tensor& /*x*/) {}
  virtual void attention(Graph&, const AttentionCall&) {}
  /// The loss of every position, (B * T) f32.
  virtual void losses(Graph&, const Tensor&) {}
  /// After every run.
  virtual void collect(Executor& executor, const ProbeBatch& batch) = 0;
  /// After all runs over the data: whether it wants to see the data again, now that it knows where to look. Then everything from begin() on repeats.
  virtual bool again() { return false; }
  /// At the very end.
  virtual void finish(Metrics& metrics) = 0;
  /// After that: why it has no values where one would look for them, a line each.
  virtual std::vector<std::string> notes() const { return {}; }
  /// Everything that finish() may set but figures, known before anything runs.
  virtual MetricNames yields() const { return {}; }
  /// Files it leaves in the point's folder.
  virtual void write(const std::filesystem::path& /*folder*/) {}
  /// Whether it listens at "logits", which makes the model store them.
  virtual bool wants_logits() const { return false; }
};

/// What a probe kind is made of: the shared settings, and its own table `[probe.NAME]`.
using ProbeMaker = std::function<std::unique_ptr<Probe>(const ProbeSettings& settings, Settings& own)>;
using Probes = Registry<ProbeMaker>;

}  // namespace ablate
