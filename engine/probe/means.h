// Means of hook-point tensors over sequences: what mean ablation puts in place of the values themselves.
#pragma once

#include "probe/probe.h"

#include <map>

namespace ablate {

/// (T, C) per hook point, averaged over sequences. As a statistic ([probe] statistics = ["means"], [probe.means] at = ["block.4"]) it writes
/// means.safetensors, which an intervention's `statistics` reads.
class MeansProbe : public Probe {
 public:
  explicit MeansProbe(std::vector<std::string> patterns, std::string where) : patterns_(std::move(patterns)), where_(std::move(where)) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const std::string& name, const Tensor& x) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics&) override {}
  void write(const std::filesystem::path& folder) override;

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
  std::map<std::string, Tensor> tensors_;  // (T * C): means over the sequences of one run
  std::map<std::string, Sum> sums_;
  double sequences_ = 0;
};

/// Means from a file that MeansProbe wrote. Throws InputError naming the file and what is wrong.
std::map<std::string, MeansProbe::Mean> read_means(const std::filesystem::path& file);

}  // namespace ablate
