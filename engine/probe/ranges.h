// Ranges of hook-point tensors over sequences: the calibration of static quantization.
#pragma once

#include "probe/probe.h"

#include <map>

namespace ablate {

/// The least and the largest element of every channel, over all tokens, and, under the hook point's name and ".except_N", without the first N of
/// every sequence. As a statistic ([probe] statistics = ["ranges"], [probe.ranges] at = ["attn_norm"], except_tokens = 1) it writes
/// ranges.safetensors, which a quantization's `statistics` reads.
class RangesProbe : public Probe {
 public:
  /// Hook points by pattern, and those numbers of first tokens, besides 0, to leave out.
  RangesProbe(std::vector<std::string> patterns, std::string where, std::vector<std::uint32_t> except_tokens);

  /// Throws InputError when a pattern names no hook point, or attention weights.
  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const Hook& hook, const Tensor& x) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics&) override {}
  void write(const std::filesystem::path& folder) override;
  bool wants_logits() const override;

  struct Range {
    std::vector<float> least, most;  ///< per channel; a NaN that was met is the largest
  };
  /// By name_of(). After the evaluation.
  const std::map<std::string, Range>& ranges() const { return ranges_; }
  static std::string name_of(const std::string& hook, std::uint32_t except_tokens);

 private:
  std::vector<std::string> patterns_;
  std::string where_;
  std::vector<std::uint32_t> except_tokens_;
  std::map<std::string, Tensor> tensors_;  // (B, C, 2)
  std::map<std::string, Range> ranges_;
};

/// Ranges from a file that RangesProbe wrote. Throws InputError naming the file and what is wrong.
std::map<std::string, RangesProbe::Range> read_ranges(const std::filesystem::path& file);

}  // namespace ablate
