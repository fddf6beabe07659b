#include "probe/means.h"

#include "base/settings.h"
#include "ops/statistics/mean_rows.h"

#include <algorithm>

namespace ablate {

void MeansProbe::begin(const TransformerConfig& config, std::uint32_t, std::uint32_t) {
  for (const std::string& pattern : patterns_) matching_hooks(config, pattern, where_);
  tensors_.clear();
}

void MeansProbe::at(Graph& graph, const std::string& name, const Tensor& x) {
  const bool wanted = std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) { return hook_matches(pattern, name); });
  if (!wanted || x.shape.size() != 3) return;
  tensors_[name] = graph.keep(mean_rows(graph, graph.reshape(x, {x.dim(0), x.dim(1) * x.dim(2)})));
  Sum& sum = sums_[name];
  sum.tokens = x.dim(1), sum.channels = x.dim(2);
  sum.values.resize(std::size_t{sum.tokens} * sum.channels);
}

void MeansProbe::collect(Executor& executor, const ProbeBatch& batch) {
  for (const auto& [name, tensor] : tensors_) {
    const std::vector<float> mean = executor.read_floats(tensor);
    std::vector<double>& sum = sums_.at(name).values;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(mean[i]) * batch.rows;
  }
  sequences_ += batch.rows;
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

static const Probes::Registration registration("means", [](const ProbeSettings&, Settings& own) {
  return std::make_unique<MeansProbe>(own.get<std::vector<std::string>>("at"), own.where("at"));
});

}  // namespace ablate
