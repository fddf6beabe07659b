#include "probe/ranges.h"

#include "base/settings.h"
#include "model/safetensors.h"
#include "ops/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ablate {

RangesProbe::RangesProbe(std::vector<std::string> patterns, std::string where, std::vector<std::uint32_t> except_tokens)
    : patterns_(std::move(patterns)), where_(std::move(where)), except_tokens_(std::move(except_tokens)) {
  except_tokens_.push_back(0);
  std::sort(except_tokens_.begin(), except_tokens_.end());
  except_tokens_.erase(std::unique(except_tokens_.begin(), except_tokens_.end()), except_tokens_.end());
}

std::string RangesProbe::name_of(const std::string& hook, std::uint32_t except_tokens) {
  return except_tokens == 0 ? hook : fmt::format("{}.except_{}", hook, except_tokens);
}

void RangesProbe::begin(const TransformerConfig& config, std::uint32_t, std::uint32_t tokens) {
  for (const std::string& pattern : patterns_) matching_tensors(config, pattern, where_);
  require(except_tokens_.back() < tokens, "{}: sequences of {} have no tokens but the first {}", where_, tokens, except_tokens_.back());
  tensors_.clear();
}

bool RangesProbe::wants_logits() const {
  return std::any_of(patterns_.begin(), patterns_.end(), [](const auto& pattern) { return hook_matches(pattern, "logits"); });
}

void RangesProbe::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (std::none_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) { return hook_matches(pattern, hook); })) return;
  for (const std::uint32_t except : except_tokens_)
    if (except == 0 || hook.every_token) tensors_[name_of(hook.name(), except)] = graph.keep(channel_ranges(graph, x, except));
}

void RangesProbe::collect(Executor& executor, const ProbeBatch&) {
  for (const auto& [name, tensor] : tensors_) {
    const std::vector<float> values = executor.read_floats(tensor);
    const std::size_t channels = tensor.dim(1);
    Range& range = ranges_[name];
    range.least.resize(channels, std::numeric_limits<float>::infinity());
    range.most.resize(channels, -std::numeric_limits<float>::infinity());
    for (std::size_t i = 0; i < values.size() / 2; ++i) {
      float &least = range.least[i % channels], &most = range.most[i % channels];
      if (values[2 * i] < least) least = values[2 * i];
      if (!std::isnan(most) && !(values[2 * i + 1] <= most)) most = values[2 * i + 1];
    }
  }
}

void RangesProbe::write(const std::filesystem::path& folder) {
  std::map<std::string, std::vector<float>> values;
  for (const auto& [name, range] : ranges_) {
    values[name] = range.least;
    values[name].insert(values[name].end(), range.most.begin(), range.most.end());
  }
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, both] : values)
    tensors.push_back(TensorToWrite::from(name, {2, static_cast<std::int64_t>(both.size() / 2)}, both));
  if (!tensors.empty()) write_safetensors(folder / "ranges.safetensors", tensors);
}

std::map<std::string, RangesProbe::Range> read_ranges(const std::filesystem::path& file) {
  const SafetensorsFile tensors(file);
  std::map<std::string, RangesProbe::Range> ranges;
  for (const auto& [name, tensor] : tensors.tensors()) {
    require(tensor.shape.size() == 2 && tensor.shape[0] == 2, "{}: expected shape (2, channels)", tensor.where);
    const std::vector<float> both = tensor.floats();
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(both.size() / 2);
    for (auto least = both.begin(), most = middle; least != middle; ++least, ++most)
      require(std::isfinite(*least) && std::isfinite(*most) && *least <= *most, "{}: {} to {} is no range", tensor.where, *least, *most);
    ranges[name] = {{both.begin(), middle}, {middle, both.end()}};
  }
  return ranges;
}

static const Probes::Registration registration("ranges", [](const ProbeSettings&, Settings& own) {
  const int except = own.number({"except_tokens", "so many first tokens of each sequence are left in float"}, 0, 0);
  return std::make_unique<RangesProbe>(own.get<std::vector<std::string>>({"at", "hook points, by name or pattern"}), own.where("at"),
                                       std::vector<std::uint32_t>{static_cast<std::uint32_t>(except)});
});

}  // namespace ablate
