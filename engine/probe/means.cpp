#include "probe/means.h"

#include "base/settings.h"
#include "ops/largest_token.h"

#include <algorithm>

namespace ablate {

static bool is_step(const std::string& pattern) { return pattern == "step_up" || pattern == "step_down"; }

MeansProbe::MeansProbe(std::vector<std::string> patterns, std::string where, const ProbeSettings& settings)
    : patterns_(std::move(patterns)),
      where_(std::move(where)),
      spikes_(settings),
      finding_(std::any_of(patterns_.begin(), patterns_.end(), is_step)) {}

void MeansProbe::begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) {
  for (const std::string& pattern : patterns_)
    if (!is_step(pattern)) matching_tensors(config, pattern, where_);
  if (finding_) return spikes_.begin(config, rows, tokens);
  tensors_.clear();
}

bool MeansProbe::wants(const Hook& hook) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) { return hook_matches(pattern, hook); });
}

void MeansProbe::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (finding_) return spikes_.at(graph, hook, x);
  if (!wants(hook)) return;
  const std::string name = hook.name();
  watch(graph, name, x);
  const Tensor largest = take_tokens(graph, x, largest_tokens(graph, x));
  watch(graph, name + ".largest", graph.reshape(largest, {x.dim(0), 1, x.dim(2)}));
}

void MeansProbe::watch(Graph& graph, const std::string& name, const Tensor& x) {
  tensors_[name] = graph.keep(x);
  Sum& sum = sums_[name];
  sum.tokens = x.dim(1), sum.channels = x.dim(2);
  sum.values.resize(std::size_t{sum.tokens} * sum.channels);
}

void MeansProbe::collect(Executor& executor, const ProbeBatch& batch) {
  if (finding_) return spikes_.collect(executor, batch);
  for (const auto& [name, tensor] : tensors_) {
    const std::vector<float> values = executor.read_floats(tensor);
    std::vector<double>& sum = sums_.at(name).values;
    const double sequences = batch.rows / tensor.dim(0);  // that share one row of it
    for (std::size_t i = 0; i < values.size(); ++i) sum[i % sum.size()] += sequences * static_cast<double>(values[i]);
  }
  sequences_ += batch.rows;
}

bool MeansProbe::again() {
  if (!finding_) return false;
  Metrics unused;
  spikes_.finish(unused);
  std::vector<std::string> names;
  for (const std::string& pattern : patterns_) {
    if (!is_step(pattern)) names.push_back(pattern);
    else
      for (const int block : pattern == "step_up" ? spikes_.step_up_or_strongest() : spikes_.step_down_or_strongest())
        names.push_back("block." + std::to_string(block));
  }
  patterns_ = names;
  finding_ = false;
  return true;
}

std::map<std::string, MeansProbe::Mean> MeansProbe::means() const {
  std::map<std::string, Mean> means;
  for (const auto& [name, sum] : sums_) {
    Mean& mean = means[name] = {sum.tokens, sum.channels, {}};
    for (const double value : sum.values) mean.values.push_back(static_cast<float>(value / sequences_));
  }
  return means;
}

void MeansProbe::write(const std::filesystem::path& folder) {
  const auto all = means();
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, mean] : all) tensors.push_back(TensorToWrite::from(name, {mean.tokens, mean.channels}, mean.values));
  if (!tensors.empty()) write_safetensors(folder / "means.safetensors", tensors);
}

std::map<std::string, MeansProbe::Mean> read_means(const std::filesystem::path& file) {
  const SafetensorsFile tensors(file);
  std::map<std::string, MeansProbe::Mean> means;
  for (const auto& [name, tensor] : tensors.tensors()) {
    require(tensor.shape.size() == 2, "{}: expected shape (tokens, channels)", tensor.where);
    means[name] = {static_cast<std::uint32_t>(tensor.shape[0]), static_cast<std::uint32_t>(tensor.shape[1]), tensor.floats()};
  }
  return means;
}

static const Probes::Registration registration("means", [](const ProbeSettings& settings, Settings& own) {
  return std::make_unique<MeansProbe>(own.get<std::vector<std::string>>({"at", "hook points whose means are recorded"}), own.where("at"),
                                      settings);
});

}  // namespace ablate
