// How the largest activation rises, stays and falls over the residual states.
#include "report/plot.h"
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ablate::report {
namespace {

constexpr std::size_t panel_limit = 24;

std::vector<double> states(std::size_t count) {
  std::vector<double> x(count);
  std::iota(x.begin(), x.end(), 0.0);
  return x;
}

const Row* with_top(const Group& group) {
  for (const Row* row : group.rows)
    if (!row->top_per_state.empty() || !row->spike_per_state.empty()) return row;
  return nullptr;
}

/// Mean over the repeats; empty where there are none, or of unequal depth.
std::vector<double> mean_spike(const Group& group) {
  std::vector<double> mean;
  double count = 0;
  for (const Row* row : group.rows) {
    if (row->spike_per_state.empty()) continue;
    if (mean.empty()) mean.resize(row->spike_per_state.size());
    if (mean.size() != row->spike_per_state.size()) return {};
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += row->spike_per_state[i];
    ++count;
  }
  for (double& value : mean) value /= count;
  return mean;
}

void mark_blocks(Plot& plot, const std::vector<int>& blocks, const char* arrow, const char* classes) {
  for (const int block : blocks) plot.mark(block - 0.5, fmt::format("{} {}", arrow, block), classes);
}

/// Any row, if all rows with a life cycle have the same step-up and step-down blocks; null otherwise.
const Row* common_blocks(const Family& family) {
  const Row* first = nullptr;
  for (const Group& group : family.groups)
    for (const Row* row : group.finished()) {
      if (row->spike_per_state.empty()) continue;
      if (!first) first = row;
      if (row->step_up_blocks != first->step_up_blocks || row->step_down_blocks != first->step_down_blocks) return nullptr;
    }
  return first;
}

/// Some room above the lines, for the names of the marks.
Range with_headroom(Range range) {
  range = range.padded(0.05);
  range.high *= std::pow(range.high / range.low, 0.1);
  return range;
}

/// `width` 420 reads well on a phone, 860 on a desktop; style.cpp shows one of them.
std::string overview(const Family& family, double width) {
  Range x{}, y{.log = true};
  for (const Group& group : family.groups)
    if (const std::vector<double> spike = mean_spike(group); !spike.empty()) {
      x.include(static_cast<double>(spike.size()) - 1);
      y.include(spike);
    }
  if (x.empty()) return "";
  x.include(0);
  const bool wide = width > 600;
  Plot plot("Largest magnitude per residual state",
            {wide ? "residual state (0: embedding; odd: after attention; even: after feed-forward)" : "residual state", x, {}, true},
            {wide ? "largest magnitude" : "", with_headroom(y), {}}, width, wide ? 330 : 270);
  if (const Row* row = common_blocks(family)) {
    mark_blocks(plot, row->step_up_blocks, "▲", "rise");
    mark_blocks(plot, row->step_down_blocks, "▼", "fall");
  }
  for (auto group = family.groups.rbegin(); group != family.groups.rend(); ++group) {
    const std::vector<double> spike = mean_spike(*group);
    if (spike.empty()) continue;
    plot.line(states(spike.size()), spike, group->classes, group->full_name);
    for (std::size_t i = 0; spike.size() <= 40 && i < spike.size(); ++i)
      plot.point(static_cast<double>(i), spike[i], group->classes, fmt::format("{}, state {}: {}", group->full_name, i, number(spike[i])),
                 0, 2.4);
  }
  return plot.svg();
}

std::string panel(const Row& row, const Group& group, const Range& y) {
  std::vector<std::vector<double>> ranked;  // (k, states)
  for (std::size_t state = 0; state < row.top_per_state.size(); ++state)
    for (std::size_t k = 0; k < row.top_per_state[state].size(); ++k) {
      if (ranked.size() <= k) ranked.resize(k + 1, std::vector<double>(row.top_per_state.size(), NAN));
      ranked[k][state] = row.top_per_state[state][k];
    }
  if (ranked.empty()) ranked.push_back(row.spike_per_state);
  Range x;
  x.include(0);
  x.include(static_cast<double>(ranked[0].size()) - 1);
  Plot plot(group.full_name + ": largest magnitudes per state", {"residual state", x, {}, true}, {"", y, {}}, 300, 190);
  mark_blocks(plot, row.step_up_blocks, "▲", "rise");
  mark_blocks(plot, row.step_down_blocks, "▼", "fall");
  if (!row.median_per_state.empty())
    plot.line(states(row.median_per_state.size()), row.median_per_state, "median", "median magnitude of the state");
  for (std::size_t k = ranked.size(); k-- > 0;)
    plot.line(states(ranked[k].size()), ranked[k], fmt::format("{} rank{}", group.classes, std::min<std::size_t>(k, 3)),
              fmt::format("magnitude number {}", k + 1));
  return plot.svg();
}

std::string panels(const Family& family) {
  Range y{.log = true};
  bool worth_it = false;
  for (const Group& group : family.groups)
    if (const Row* row = with_top(group)) {
      y.include(row->spike_per_state);
      y.include(row->median_per_state);
      for (const auto& top : row->top_per_state) y.include(top);
      worth_it = worth_it || !row->top_per_state.empty() || !row->step_up_blocks.empty() || !row->step_down_blocks.empty();
    }
  if (!worth_it) return "";
  std::string out;
  std::size_t shown = 0;
  for (const Group& group : family.groups)
    if (const Row* row = with_top(group); row && shown++ < panel_limit)
      out += figure(group.full_name, panel(*row, group, with_headroom(y)));
  const std::string rest =
      shown > panel_limit ? element("p", {{"class", "caption"}}, fmt::format("{} more points are in results.json.", shown - panel_limit))
                          : "";
  return element(family.name.empty() ? "h3" : "h4", {}, "Row by row") +
         element("p", {{"class", "lead"}},
                 "One picture per row: the largest magnitude (thick), the next ones (thin) and the median (dotted, where measured); "
                 "▲ marks step-up blocks, ▼ step-down blocks.") +
         element("div", {{"class", "charts three"}}, out) + rest;
}

std::string charts_of(const Family& family) {
  const std::string wide = overview(family, 860);
  if (wide.empty()) return "";
  std::vector<const Group*> shown;
  for (const Group& group : family.groups)
    if (!mean_spike(group).empty()) shown.push_back(&group);
  return legend(shown) + element("div", {{"class", "wide"}}, wide) + element("div", {{"class", "narrow"}}, overview(family, 420)) +
         panels(family);
}

}  // namespace

std::string life_cycle(const Document& document) {
  return section("life-cycle", "Life cycle of the spike",
                 "The largest magnitude of every residual state, from the embedding to the last block, on a log scale: where it rises, how "
                 "long it stays, where it is taken back.",
                 of_families(document, charts_of));
}

}  // namespace ablate::report
