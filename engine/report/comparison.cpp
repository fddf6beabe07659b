#include "report/comparison.h"

#include "report/plot.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace ablate::report {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

Cell measured(const Group* group, const std::string& key) {
  std::vector<double> values;
  if (group)
    for (const Row* row : group->finished())
      if (const double value = value_of(row->metrics, key); std::isfinite(value) && !has_non_finite(*row)) values.push_back(value);
  Cell cell{.mean = missing, .spread = missing, .count = static_cast<int>(values.size())};
  if (values.empty()) return cell;
  const double count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  cell.mean = sum / count;
  for (const double value : values) squares += (value - cell.mean) * (value - cell.mean);
  if (values.size() > 1) cell.spread = std::sqrt(squares / (count - 1));
  return cell;
}

// A table shows loss or perplexity: where a line's published value is the other, it is turned into this one.
double published_value(const Row& row, const std::string& key) {
  const double value = value_of(row.reference, key);
  if (std::isfinite(value)) return value;
  if (key == "perplexity") return std::exp(value_of(row.reference, "loss"));
  return key == "loss" ? std::log(value_of(row.reference, "perplexity")) : value;
}

Cell published(const Line& line, const std::string& key) {
  for (const Group* group : line.groups)
    if (group)
      for (const Row* row : group->rows)
        if (const double value = published_value(*row, key); std::isfinite(value)) return {value, missing, 1, Direction::unknown, ""};
  return {missing, missing, 0, Direction::unknown, ""};
}

/// Two standard errors of the difference of two means, by what the repeats of either tell; 0 where neither has repeats.
double uncertainty(const Cell& first, const Cell& cell) {
  double variance = 0;
  int known = 0;
  for (const Cell* one : {&first, &cell})
    if (std::isfinite(one->spread)) variance += one->spread * one->spread, ++known;
  return known == 0 ? 0 : 2 * std::sqrt(variance / known * (1.0 / first.count + 1.0 / cell.count));
}

void compare_with(const MetricInfo& info, const Cell& first, Cell& cell) {
  cell.direction = direction_of(info, first.mean, cell.mean, first.count > 0 && cell.count > 0 ? uncertainty(first, cell) : 0);
  cell.change = format_change(info, first.mean, cell.mean);
}

Agreement agreement_of(Direction ours, Direction paper) {
  if (ours == Direction::unknown || paper == Direction::unknown) return Agreement::unknown;
  if (ours == paper) return Agreement::agrees;
  return ours == Direction::none || paper == Direction::none ? Agreement::unclear : Agreement::opposite;
}

/// Every line of run `r` against that run's first, in ours and in the published values.
void compare_with_first(Comparison& comparison, std::size_t r) {
  const auto first =
      std::find_if(comparison.lines.begin(), comparison.lines.end(), [&](const Line& line) { return line.groups[r] != nullptr; });
  for (auto line = first; line != comparison.lines.end(); ++line)
    for (std::size_t m = 0; line != first && line->groups[r] && m < comparison.metrics.size(); ++m) {
      MetricCells& cells = line->cells[m];
      compare_with(comparison.metrics[m], first->cells[m].ours[r], cells.ours[r]);
      compare_with(comparison.metrics[m], first->cells[m].reference, cells.reference);
      cells.agreement[r] = agreement_of(cells.ours[r].direction, cells.reference.direction);
    }
}

void add_unique(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

/// "Sink ratio falls most with gate channel (21.9 → 0.0 %)"; empty if no row's change is clear.
std::string largest_effect(const Comparison& comparison, std::size_t metric) {
  const MetricInfo& info = comparison.metrics[metric];
  const double first = comparison.lines[0].cells[metric].ours[0].mean;
  const Line* best = nullptr;
  double largest = 0;
  for (const Line& line : comparison.lines) {
    const Cell& cell = line.cells[metric].ours[0];
    if (cell.direction != Direction::up && cell.direction != Direction::down) continue;
    const double size =
        info.by_difference || first == 0 ? std::abs(cell.mean - first) : std::abs(std::log(std::max(cell.mean / first, 1e-6)));
    if (size > largest) best = &line, largest = size;
  }
  if (!best) return "";
  const Cell& cell = best->cells[metric].ours[0];
  return fmt::format("the {} {} most with “{}” ({} → {}{})", info.in_a_sentence(), cell.direction == Direction::up ? "rises" : "falls",
                     best->name, format_metric(info, first), format_metric(info, cell.mean), info.unit.empty() ? "" : "\u202f" + info.unit);
}

std::string agreement_sentence(const Comparison& comparison) {
  int agrees = 0, opposite = 0, unclear = 0;
  for (const Line& line : comparison.lines)
    for (const MetricCells& cells : line.cells) {
      agrees += cells.agreement[0] == Agreement::agrees;
      opposite += cells.agreement[0] == Agreement::opposite;
      unclear += cells.agreement[0] == Agreement::unclear;
    }
  const int total = agrees + opposite + unclear;
  if (total == 0) return "";
  std::string text = fmt::format(" Of {} changes that the paper reports too, {} go{} its way", total, agrees, agrees == 1 ? "es" : "");
  if (opposite > 0) text += fmt::format(", {} go{} the other way", opposite, opposite == 1 ? "es" : "");
  if (unclear > 0) text += fmt::format(", {} cannot be told because one of the two is small", unclear);
  return text + ".";
}

}  // namespace

bool has_non_finite(const Row& row) {
  return value_of(row.metrics, "non_finite") > 0 || value_of(row.metrics, "non_finite_statistics") > 0;
}

double Cell::reach() const { return count >= 3 ? 2 * spread / std::sqrt(count) : missing; }

std::vector<const Row*> Group::finished() const {
  std::vector<const Row*> done;
  for (const Row* row : rows)
    if (row->state == Row::State::done) done.push_back(row);
  return done;
}

std::vector<Group> group_rows(std::span<const Run> runs) {
  std::vector<Group> groups;
  std::map<std::string, std::vector<std::string>> names;  // by family: its first row has the same colour in all
  for (std::size_t r = 0; r < runs.size(); ++r)
    for (const Row& row : runs[r].rows) {
      auto same = std::find_if(groups.begin(), groups.end(),
                               [&](const Group& group) { return group.run == r && group.name == row.group && group.family == row.family; });
      if (same == groups.end()) {
        add_unique(names[row.family], row.group);
        groups.push_back({row.group, r, {}, row.family, runs[r].label.empty() ? row.group : runs[r].label + ": " + row.group, "", ""});
        same = groups.end() - 1;
      }
      same->rows.push_back(&row);
    }
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::vector<std::string>& family = names[groups[g].family];
    const auto name = static_cast<std::size_t>(std::find(family.begin(), family.end(), groups[g].name) - family.begin());
    groups[g].key = fmt::format("g{}", g);
    groups[g].classes =
        (runs.size() == 1 ? series_class(name) : fmt::format("s{} d{}", name % 10, groups[g].run % 4)) + " " + groups[g].key;
  }
  return groups;
}

std::vector<std::string> families_of(const std::vector<Group>& groups) {
  std::vector<std::string> families;
  for (const Group& group : groups) add_unique(families, group.family);
  return families;
}

Comparison compare(std::span<const Run> runs, const std::vector<Group>& groups, const std::vector<std::string>& keys) {
  Comparison comparison;
  for (const std::string& key : keys) comparison.metrics.push_back(metric_info(key));
  comparison.has_reference.assign(keys.size(), false);
  for (const Group& group : groups) {
    auto line = std::find_if(comparison.lines.begin(), comparison.lines.end(), [&](const Line& other) { return other.name == group.name; });
    if (line == comparison.lines.end()) line = comparison.lines.insert(line, Line{group.name, std::vector<const Group*>(runs.size()), {}});
    line->groups[group.run] = &group;
  }
  for (Line& line : comparison.lines)
    for (std::size_t m = 0; m < keys.size(); ++m) {
      MetricCells cells{{}, published(line, keys[m]), std::vector<Agreement>(runs.size(), Agreement::unknown)};
      for (const Group* group : line.groups) cells.ours.push_back(measured(group, keys[m]));
      comparison.has_reference[m] = comparison.has_reference[m] || cells.reference.count > 0;
      line.cells.push_back(std::move(cells));
    }
  for (std::size_t r = 0; r < runs.size(); ++r) compare_with_first(comparison, r);
  return comparison;
}

std::vector<std::string> metrics_present(const std::vector<Group>& groups) {
  std::vector<std::string> keys;
  for (const Group& group : groups)
    for (const Row* row : group.rows)
      for (const auto& [key, value] : row->metrics) add_unique(keys, key);
  return keys;
}

std::vector<std::string> metrics_with_reference(const std::vector<Group>& groups) {
  std::vector<std::string> keys;
  for (const Group& group : groups)
    for (const Row* row : group.rows)
      for (const auto& [key, value] : row->reference) add_unique(keys, key);
  return keys;
}

std::string finding(const Comparison& comparison) {
  if (comparison.lines.size() < 2 || comparison.lines[0].cells.empty() || comparison.lines[0].cells[0].ours.size() != 1) return "";
  std::string effects;
  for (std::size_t m = 0; m < comparison.metrics.size(); ++m) {
    const std::string& key = comparison.metrics[m].key;
    if (key != "sink_ratio" && key != "spike") continue;
    const std::string effect = largest_effect(comparison, m);
    if (effect.empty()) continue;
    effects += effects.empty() ? effect : fmt::format("; {}", effect);
  }
  if (!effects.empty()) effects = fmt::format("Against “{}”: {}.", comparison.lines[0].name, effects);
  return effects + agreement_sentence(comparison);
}

}  // namespace ablate::report
