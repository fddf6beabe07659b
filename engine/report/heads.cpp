// Which heads are sinks: layers x heads, attention on the first key.
#include "report/plot.h"
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

namespace ablate::report {
namespace {

constexpr std::size_t panel_limit = 24;

/// Mean over the repeats of equal shape.
std::vector<std::vector<double>> mean_score(const Group& group) {
  std::vector<std::vector<double>> mean;
  double count = 0;
  for (const Row* row : group.rows) {
    const auto& score = row->sink_score;
    if (score.empty() || (!mean.empty() && (score.size() != mean.size() || score[0].size() != mean[0].size()))) continue;
    if (mean.empty()) mean.assign(score.size(), std::vector<double>(score[0].size()));
    for (std::size_t l = 0; l < score.size(); ++l)
      for (std::size_t h = 0; h < score[l].size() && h < mean[l].size(); ++h) mean[l][h] += score[l][h];
    ++count;
  }
  for (auto& row : mean)
    for (double& value : row) value /= count;
  return mean;
}

std::string maps_of(const Family& family) {
  std::string maps;
  std::size_t shown = 0;
  for (const Group& group : family.groups) {
    HeatMap map{group.full_name + ": sink score of every head", "head", "layer", {}, {}, mean_score(group), 0, 1};
    if (map.values.empty() || shown++ >= panel_limit) continue;
    maps += figure(group.full_name, heat_map(map, 250));
  }
  if (maps.empty()) return "";
  const std::string rest =
      shown > panel_limit ? element("p", {{"class", "caption"}}, fmt::format("{} more points are in results.json.", shown - panel_limit))
                          : "";
  return element("div", {{"class", "charts four"}}, maps) + rest;
}

}  // namespace

std::string sink_heads(const Document& document) {
  const std::string maps = of_families(document, maps_of);
  return section("heads", "Sink heads", "Attention on the first key, averaged over sequences and queries, for every layer and head.",
                 maps.empty() ? "" : heat_scale(0, 1, "sink score") + maps);
}

}  // namespace ablate::report
