// Writes hook-point tensors to probes.safetensors.
#pragma once

#include "probe/probe.h"

#include <map>

namespace ablate {

/// Every hook point named by `settings.dump`, over all sequences: (N, T, C); attention maps (N, H, T, S); f32.
class DumpProbe : public Probe {
 public:
  explicit DumpProbe(const ProbeSettings& settings) : patterns_(settings.dump) {}

  /// Throws InputError when a pattern names no hook point.
  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const std::string& name, const Tensor& x) override;
  void attention(Graph& graph, const AttentionCall& call) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics&) override {}
  void write(const std::filesystem::path& folder) override;
  bool wants_logits() const override { return wants("logits"); }

 private:
  struct Dump {
    Shape shape;  // of all sequences so far
    std::vector<float> values;
  };
  bool wants(const std::string& name) const;

  std::vector<std::string> patterns_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, Dump> dumps_;
};

}  // namespace ablate
