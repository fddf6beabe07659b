// Writes hook-point tensors to probes.safetensors.
#pragma once

#include "probe/probe.h"

#include <map>

namespace ablate {

/// Every hook point named by `settings.dump`, over all sequences: (N, T, C), or as Hook::shape_text() says; attention maps (N, H, T, S); f32.
class DumpProbe : public Probe {
 public:
  explicit DumpProbe(const ProbeSettings& settings) : patterns_(settings.dump) {}

  /// Throws InputError when a pattern names no hook point.
  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const Hook& hook, const Tensor& x) override;
  void attention(Graph& graph, const AttentionCall& call) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics&) override {}
  void write(const std::filesystem::path& folder) override;
  bool wants_logits() const override { return wants({.site = Site::logits}); }

 private:
  struct Dump {
    Shape shape;  // of all sequences so far
    std::vector<float> values;
  };
  bool wants(const Hook& hook) const;

  std::vector<std::string> patterns_;
  struct Kept {
    Tensor tensor;
    bool every_sequence;  // otherwise the first run has it all
  };
  std::map<std::string, Kept> tensors_;
  std::map<std::string, Dump> dumps_;
};

}  // namespace ablate
