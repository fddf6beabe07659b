// Means of hook-point tensors over sequences: what mean ablation puts in place of the values themselves.
#pragma once

#include "probe/spikes.h"

#include <map>

namespace ablate {

/// (T, C) per hook point, averaged over sequences, one after another in double precision, so that it does not matter how many go at once; and of the token that holds a sequence's largest magnitude (ops/largest_token.h), (1, C)
/// under the hook point's name and ".largest". As a statistic ([probe] statistics = ["means"], [probe.means] at = ["block.4"], or "step_up"
/// and "step_down") it writes means.safetensors, which an intervention's `statistics` reads.
class MeansProbe : public Probe {
 public:
  MeansProbe(std::vector<std::string> patterns, std::string where, const ProbeSettings& settings);

  /// Throws InputError when a pattern names no hook point, or attention weights.
  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const Hook& hook, const Tensor& x) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  bool again() override;
  void finish(Metrics&) override {}
  void write(const std::filesystem::path& folder) override;
  bool wants_logits() const override { return !finding_ && wants({.site = Site::logits}); }

  struct Mean {
    std::uint32_t tokens = 0, channels = 0;
    std::vector<float> values;  ///< (tokens, channels)
  };
  /// After the evaluation.
  std::map<std::string, Mean> means() const;

 private:
  struct Sum {
    std::uint32_t tokens = 0, channels = 0;
    std::vector<double> values;
  };
  std::vector<std::string> patterns_;
  std::string where_;
  SpikeProbe spikes_;
  bool finding_;  // the first of two passes, which finds the step blocks
  bool wants(const Hook& hook) const;
  void watch(Graph& graph, const std::string& name, const Tensor& x);

  std::map<std::string, Tensor> tensors_;  // (B, T, C)
  std::map<std::string, Sum> sums_;
  double sequences_ = 0;
};

/// Means from a file that MeansProbe wrote. Throws InputError naming the file and what is wrong.
std::map<std::string, MeansProbe::Mean> read_means(const std::filesystem::path& file);

}  // namespace ablate
