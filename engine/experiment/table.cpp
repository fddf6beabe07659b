#include "experiment/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

constexpr std::size_t most_columns = 8;

std::string number_text(double value, double scale) {
  const double size = std::abs(scale);
  if (!std::isfinite(value)) return "-";
  if (size >= 1000) return fmt::format("{:.0f}", value);
  if (size >= 100) return fmt::format("{:.1f}", value);
  if (size >= 10) return fmt::format("{:.2f}", value);
  if (size >= 0.01 || size == 0) return fmt::format("{:.3f}", value);
  return fmt::format("{:.2e}", value);
}

/// Columns that a UTF-8 text takes, each code point one.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : text + space;
}

/// Rows that differ only in their seed.
struct Group {
  std::vector<const Row*> rows;
  const Row& first() const { return *rows.front(); }

  std::vector<double> numbers(const std::string& metric) const {
    std::vector<double> numbers;
    for (const Row* row : rows) {
      if (const double number = row->metrics.number(metric); !std::isnan(number)) numbers.push_back(number);
    }
    return numbers;
  }
};

bool same_but_seed(const Row& a, const Row& b) {
  if (a.name != b.name || a.swept.size() != b.swept.size()) return false;
  bool seeds = false;
  for (std::size_t i = 0; i < a.swept.size(); ++i) {
    if (a.swept[i].first != b.swept[i].first) return false;
    if (a.swept[i].first == "seed") seeds = true;
    else if (!same(a.swept[i].second, b.swept[i].second)) return false;
  }
  return seeds;
}

std::vector<Group> group_by_seed(std::span<const Row> rows) {
  std::vector<Group> groups;
  for (const Row& row : rows) {
    const auto alike = [&](const Group& group) {
      return same_but_seed(group.first(), row) && group.first().error.empty() && row.error.empty();
    };
    const auto at = std::find_if(groups.begin(), groups.end(), alike);
    if (at == groups.end()) groups.push_back({{&row}});
    else at->rows.push_back(&row);
  }
  return groups;
}

/// "3.337", or "3.337 ±0.028" with the sample standard deviation over seeds.
std::string cell(const std::vector<double>& numbers) {
  if (numbers.empty()) return "-";
  double mean = 0, square = 0;
  for (const double number : numbers) mean += number / static_cast<double>(numbers.size());
  if (numbers.size() == 1) return number_text(mean, mean);
  for (const double number : numbers) square += (number - mean) * (number - mean);
  return number_text(mean, mean) + " ±" + number_text(std::sqrt(square / static_cast<double>(numbers.size() - 1)), mean);
}

/// The usual metrics that are there, those that have a published value, then others as they come. "spike_token" and the like say where, not
/// how much.
std::vector<std::string> metrics_to_show(std::span<const Row> rows) {
  std::vector<std::string> present, published, shown;
  const auto add = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Row& row : rows) {
    for (const auto& [name, metric] : row.metrics) {
      if (std::holds_alternative<double>(metric)) add(present, name);
    }
    for (const auto& [name, value] : row.reference) add(published, name);
  }
  for (const char* name : {"loss", "perplexity", "backcopy_loss", "bigram_loss", "sink_ratio", "sink_mass", "spike"}) {
    if (std::find(present.begin(), present.end(), name) != present.end()) add(shown, name);
  }
  for (const std::string& name : published) add(shown, name);
  for (const std::string& name : present) {
    if (shown.size() < most_columns && name.rfind("spike_", 0) != 0) add(shown, name);
  }
  return shown;
}

struct Column {
  std::string title;
  bool right;
  std::vector<std::string> cells;
};

double reference_of(const Row& row, const std::string& metric) {
  for (const auto& [name, value] : row.reference) {
    if (name == metric) return value;
  }
  return std::nan("");
}

std::vector<Column> point_columns(const std::vector<Group>& groups) {
  std::vector<Column> columns;
  const bool named = std::any_of(groups.begin(), groups.end(), [](const Group& group) { return !group.first().name.empty(); });
  if (named || groups.front().first().swept.empty()) {
    columns.push_back({"point", false, {}});
    for (const Group& group : groups) columns.back().cells.push_back(named ? group.first().name : group.first().label);
  }
  const auto& swept = groups.front().first().swept;
  for (std::size_t i = 0; i < swept.size(); ++i) {
    Column column{swept[i].first, false, {}};
    for (const Group& group : groups) {
      const auto& own = group.first().swept;
      const bool merged = swept[i].first == "seed" && group.rows.size() > 1;
      column.cells.push_back(merged ? fmt::format("{} seeds", group.rows.size()) : i < own.size() ? to_text(own[i].second) : "");
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

void add_metric(std::vector<Column>& columns, const std::vector<Group>& groups, const std::string& metric) {
  Column ours{metric, true, {}}, published{"published", true, {}};
  bool any = false;
  for (const Group& group : groups) {
    ours.cells.push_back(cell(group.numbers(metric)));
    const double reference = reference_of(group.first(), metric);
    published.cells.push_back(std::isnan(reference) ? "" : fmt::format("({})", reference));
    any = any || !std::isnan(reference);
  }
  columns.push_back(std::move(ours));
  if (any) columns.push_back(std::move(published));
}

std::string layout(const std::vector<Column>& columns, const std::vector<Group>& groups) {
  std::string head, rule, body;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) {
    std::size_t width = width_of(column.title);
    for (const std::string& text : column.cells) width = std::max(width, width_of(text));
    widths.push_back(width);
    head += padded(column.title, width, column.right) + "  ";
    rule += std::string(width, '-') + "  ";
  }
  const auto add_line = [&body](std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    body += line + "\n";
  };
  add_line(head);
  add_line(rule);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::string line;
    const std::string& error = groups[i].first().error;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (!error.empty() && columns[c].right) break;
      line += padded(columns[c].cells[i], widths[c], columns[c].right) + "  ";
    }
    if (!error.empty()) line += "failed: " + error;
    add_line(line);
  }
  return body;
}

std::string table_of(std::span<const Row> rows, const std::vector<std::string>& metrics) {
  const std::vector<Group> groups = group_by_seed(rows);
  std::vector<Column> columns = point_columns(groups);
  for (const std::string& metric : metrics.empty() ? metrics_to_show(rows) : metrics) add_metric(columns, groups, metric);
  return layout(columns, groups);
}

}  // namespace

std::string format_table(std::span<const Row> rows, const std::vector<std::string>& metrics) {
  if (rows.empty()) return "no rows\n";
  std::vector<std::string> names;
  for (const Row& row : rows)
    if (std::find(names.begin(), names.end(), row.group) == names.end()) names.push_back(row.group);
  std::string text;
  for (const std::string& name : names) {
    std::vector<Row> own;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(own), [&](const Row& row) { return row.group == name; });
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "\n", name, name.empty() ? "" : "\n", table_of(own, metrics));
  }
  return text;
}

std::string plot_life_cycle(std::span<const double> spike_per_state, int width, int height) {
  static constexpr const char* eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double low = INFINITY, high = 0;
  for (const double spike : spike_per_state) {
    if (std::isfinite(spike) && spike > 0) low = std::min(low, spike), high = std::max(high, spike);
  }
  if (high == 0) return "no finite activation to plot\n";
  low = std::min(low, high / 10);  // at least a decade, so that what is flat looks flat

  const std::size_t room = static_cast<std::size_t>(std::max(width - 11, 1)), states = spike_per_state.size();
  const std::size_t per_bar = (states + room - 1) / room, bars = (states + per_bar - 1) / per_bar,
                    bar_width = std::clamp<std::size_t>(room / bars, 1, 3);
  const auto level = [&](std::size_t bar) {  // in eighths of a row; the smallest state still shows
    double top = 0;
    for (std::size_t i = bar * per_bar; i < std::min(states, (bar + 1) * per_bar); ++i) {
      if (std::isfinite(spike_per_state[i])) top = std::max(top, spike_per_state[i]);
    }
    if (top <= 0) return 0;
    return 1 + static_cast<int>(std::lround((8.0 * height - 1) * std::log(top / low) / std::log(high / low)));
  };

  std::string plot;
  for (int row = height - 1; row >= 0; --row) {
    const double edge = low * std::pow(high / low, static_cast<double>(row) / std::max(height - 1, 1));
    const bool labelled = row % 3 == 0 || row == height - 1;
    std::string line = fmt::format("{:>9} |", labelled ? number_text(edge, edge) : "");
    for (std::size_t bar = 0; bar < bars; ++bar) {
      const char* block = eighths[std::clamp(level(bar) - 8 * row, 0, 8)];
      for (std::size_t i = 0; i < bar_width; ++i) line += block;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    plot += line + "\n";
  }
  const std::string first = "state 0", last = std::to_string(states - 1);
  const std::size_t axis = std::max(bars * bar_width, first.size() + last.size() + 1);
  plot += std::string(11, ' ') + first + std::string(axis - first.size() - last.size(), ' ') + last + "\n";
  return plot;
}

}  // namespace ablate
