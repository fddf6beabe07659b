// What hook points hold on the first sequence.
#pragma once

#include "probe/probe.h"

#include <map>
#include <string>
#include <vector>

namespace ablate::test {

/// Keeps sequence 0 of the residual states and the logits, and of blocks' outputs if `blocks`.
class FirstSequence : public Probe {
 public:
  explicit FirstSequence(bool blocks = false) : blocks_(blocks) {}

  bool wants_logits() const override { return true; }
  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override { tensors_.clear(); }
  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (hook.site == Site::logits || hook.residual() >= 0 || (blocks_ && hook.block() > 0)) tensors_[hook.name()] = graph.keep(x);
  }
  void collect(Executor& executor, const ProbeBatch& batch) override {
    if (batch.first > 0) return;
    for (const auto& [name, tensor] : tensors_) {
      channels[name] = tensor.dim(-1);
      values[name] = executor.read_floats(tensor);
    }
  }
  void finish(Metrics&) override {}

  std::map<std::string, std::vector<float>> values;  ///< at least (T, C)
  std::map<std::string, std::uint32_t> channels;

 private:
  bool blocks_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace ablate::test
