#include "probe/dump.h"

#include <algorithm>

namespace ablate {

bool DumpProbe::wants(const Hook& hook) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) { return hook_matches(pattern, hook); });
}

void DumpProbe::begin(const TransformerConfig& config, std::uint32_t, std::uint32_t) {
  for (const std::string& pattern : patterns_) matching_hooks(config, pattern, "probe.dump");
  tensors_.clear();
}

void DumpProbe::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (wants(hook)) tensors_[hook.name()] = {graph.keep(x), hook.every_sequence};
}

void DumpProbe::attention(Graph& graph, const AttentionCall& call) {
  if (wants(call.probs)) tensors_[call.probs.name()] = {graph.keep(attention_map(graph, call.q, call.k, call.lse, call.options)), true};
}

void DumpProbe::collect(Executor& executor, const ProbeBatch& batch) {
  for (const auto& [name, kept] : tensors_) {
    if (!kept.every_sequence && batch.first > 0) continue;
    const Tensor& tensor = kept.tensor;
    const std::vector<float> values = executor.read_floats(tensor);
    Dump& dump = dumps_[name];
    const std::uint32_t before = dump.shape.empty() ? 0 : dump.shape[0];
    dump.shape = tensor.shape;
    dump.shape[0] += before;
    dump.values.insert(dump.values.end(), values.begin(), values.end());
  }
}

void DumpProbe::write(const std::filesystem::path& folder) {
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, dump] : dumps_) tensors.push_back(TensorToWrite::from(name, {dump.shape.begin(), dump.shape.end()}, dump.values));
  if (!tensors.empty()) write_safetensors(folder / "probes.safetensors", tensors);
}

}  // namespace ablate
