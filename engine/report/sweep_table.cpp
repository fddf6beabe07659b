// The headline table, and the table of everything.
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

/// The number as shown, with the exact one as its machine-readable value.
std::string data(const std::string& shown, double exact) {
  return element("data", {{"value", std::isfinite(exact) ? fmt::format("{}", exact) : ""}}, shown);
}

std::string change_mark(const Cell& cell) {
  switch (cell.direction) {
    case Direction::unknown: return "";
    case Direction::none:
      return element("span", {{"class", "change same"}, {"title", "too small to tell from chance"}}, "≈ " + escape(cell.change));
    case Direction::up: return element("span", {{"class", "change up"}}, "▲ " + escape(cell.change));
    case Direction::down: return element("span", {{"class", "change down"}}, "▼ " + escape(cell.change));
  }
  return "";
}

std::string agreement_mark(Agreement agreement) {
  switch (agreement) {
    case Agreement::unknown: return "";
    case Agreement::agrees: return R"(<span class="agree yes">✓ agrees</span>)";
    case Agreement::opposite: return R"(<span class="agree no">✗ opposite</span>)";
    case Agreement::unclear: return R"(<span class="agree maybe">~ unclear</span>)";
  }
  return "";
}

/// Why a group has no number.
std::string absence(const Group* group) {
  if (!group) return R"(<span class="absent">–</span>)";
  if (const std::vector<const Row*> done = group->finished(); !done.empty())
    return element("span", {{"class", "absent"}},
                   std::any_of(done.begin(), done.end(), [](const Row* row) { return has_non_finite(*row); }) ? "not finite" : "–");
  bool failed = false, begun = false;
  for (const Row* row : group->rows) {
    failed = failed || row->state == Row::State::failed;
    begun = begun || !row->curves.empty();
  }
  return element("span", {{"class", "absent"}}, failed ? "failed" : begun ? "unfinished" : "not run");
}

std::string our_cell(const MetricInfo& info, const Cell& cell, const Group* group, const std::string& heading, const std::string& place,
                     Agreement agreement) {
  const Attributes attributes{{"class", "ours"}, {"data-label", heading}, {"style", place}};
  if (cell.count == 0) return element("td", attributes, absence(group));
  std::string shown = "<b>" + data(format_metric(info, cell.mean), cell.mean) + "</b>";
  if (std::isfinite(cell.spread))
    shown += element("span", {{"class", "spread"}, {"title", fmt::format("standard deviation over {} seeds", cell.count)}},
                     "±" + format_metric(info, cell.spread));
  if (std::isfinite(cell.reach()))
    shown += element("span", {{"class", "interval"}, {"title", fmt::format("two standard errors around the mean of {} seeds", cell.count)}},
                     format_metric(info, cell.mean - cell.reach()) + " to " + format_metric(info, cell.mean + cell.reach()));
  return element("td", attributes, shown + change_mark(cell) + agreement_mark(agreement));
}

/// As many decimals as the most exact published value of the column has: 10.0 beside 10.1.
int published_decimals(const Comparison& table, std::size_t metric) {
  std::size_t most = 0;
  for (const Line& line : table.lines) {
    const std::string digits = fmt::format("{}", line.cells[metric].reference.mean);
    const std::size_t point = digits.find('.');
    if (line.cells[metric].reference.count > 0 && point != std::string::npos) most = std::max(most, digits.size() - point - 1);
  }
  return static_cast<int>(std::min<std::size_t>(most, 4));
}

std::string paper_cell(const Cell& cell, int decimals, const std::string& place) {
  const Attributes attributes{{"class", "paper"}, {"data-label", "paper"}, {"style", place}};
  if (cell.count == 0) return element("td", attributes, R"(<span class="absent">–</span>)");
  return element("td", attributes, data(number(cell.mean, decimals), cell.mean) + change_mark(cell));
}

// On a phone a row of the table becomes a block: its name, below it one column per metric, in it the runs and then the paper (style.cpp).
std::string heading_on_phone(const MetricInfo& info, const Run& run) {
  return run.label.empty() ? info.label : fmt::format("{}: {}", info.label, run.label);
}
std::string place_on_phone(std::size_t metric, std::size_t run) { return fmt::format("--metric:{};--run:{}", metric + 1, run); }

std::string heading_of(const MetricInfo& info) {
  const std::string unit = info.unit.empty() ? "" : element("span", {{"class", "unit"}}, fmt::format("({})", escape(info.unit)));
  return escape(info.label) + " " + unit;
}

std::string head(const Family& family, bool two_rows) {
  const Comparison& table = family.headline;
  std::string top = fmt::format(R"(<th scope="col"{} class="name">Row</th>)", two_rows ? R"( rowspan="2")" : ""), bottom;
  for (std::size_t m = 0; m < table.metrics.size(); ++m) {
    const std::size_t columns = family.runs.size() + (table.has_reference[m] ? 1 : 0);
    const std::string title = escape(table.metrics[m].meaning);
    top += two_rows ? fmt::format(R"(<th scope="colgroup" colspan="{}" title="{}">{}</th>)", columns, title, heading_of(table.metrics[m]))
                    : fmt::format(R"(<th scope="col" title="{}">{}</th>)", title, heading_of(table.metrics[m]));
    for (const Run& run : family.runs)
      bottom += element("th", {{"scope", "col"}, {"class", "ours"}}, run.label.empty() ? "ours" : escape(run.label));
    if (table.has_reference[m]) bottom += R"(<th scope="col" class="paper">paper</th>)";
  }
  return element("thead", {}, "<tr>" + top + "</tr>" + (two_rows ? "<tr>" + bottom + "</tr>" : ""));
}

/// "3 seeds", in a comparison "3 / 1 seeds"; empty where there is one of each.
std::string seeds_of(const Line& line) {
  std::string counts;
  bool several = false;
  for (const Group* group : line.groups) {
    const std::size_t count = group ? group->rows.size() : 0;
    counts.append(counts.empty() ? "" : " / ").append(fmt::format("{}", count));
    several = several || count > 1;
  }
  return several ? counts + " seeds" : "";
}

/// Numbers of the claims that speak of the row, each a link.
std::string claim_marks(const Line& line) {
  std::string marks;
  for (const std::size_t claim : line.claims)
    marks += element("a", {{"href", fmt::format("#claim-{}", claim + 1)}}, fmt::format("{}", claim + 1));
  return marks.empty() ? "" : element("span", {{"class", "claimed"}, {"title", "claims that speak of this row"}}, "claim " + marks);
}

std::string line_of(const Family& family, const Line& line) {
  const Comparison& table = family.headline;
  std::string marks;
  for (const Group* group : line.groups)
    if (group) marks += swatch(group->classes);
  const std::string seeds = seeds_of(line);
  const std::string count = seeds.empty() ? "" : element("span", {{"class", "seeds"}}, seeds);
  std::string cells = element("th", {{"scope", "row"}, {"class", "name"}},
                              marks + element("span", {{"class", "label"}}, escape(line.name)) + count + claim_marks(line));
  for (std::size_t m = 0; m < table.metrics.size(); ++m) {
    for (std::size_t r = 0; r < family.runs.size(); ++r)
      cells += our_cell(table.metrics[m], line.cells[m].ours[r], line.groups[r], heading_on_phone(table.metrics[m], family.runs[r]),
                        place_on_phone(m, r), line.cells[m].agreement[r]);
    if (table.has_reference[m]) cells += paper_cell(line.cells[m].reference, published_decimals(table, m), place_on_phone(m, 0));
  }
  return element("tr", {{"id", line.anchor}}, cells) + "\n";
}

bool any_reference(const Family& family) {
  return std::any_of(family.headline.has_reference.begin(), family.headline.has_reference.end(), [](bool has) { return has; });
}

std::string table_of(const Family& family) {
  const Comparison& table = family.headline;
  const bool two_rows = any_reference(family) || family.runs.size() > 1;
  std::string body;
  for (const Line& line : table.lines) body += line_of(family, line);
  const std::string caption = family.name.empty() ? "Results, one row per point of the sweep" : "Results of " + escape(family.name);
  const std::string markup =
      element("table", {{"class", "sweep"}, {"style", fmt::format("--metrics:{};--runs:{}", table.metrics.size(), family.runs.size())}},
              element("caption", {{"class", "hidden"}}, caption) + head(family, two_rows) + element("tbody", {}, body));
  return element("div", {{"class", "scroll"}, {"tabindex", "0"}}, markup);
}

std::string lead_of(const Document& document) {
  const auto& families = document.families;
  const bool compared =
      std::any_of(families.begin(), families.end(), [](const Family& family) { return family.headline.lines.size() > 1; });
  std::string text;
  if (compared)
    text = fmt::format("Arrows compare with the first row{}; ≈ marks a change too small to tell from chance. ",
                       families.size() > 1 ? " of the same group" : ", " + families[0].headline.lines[0].name);
  if (std::any_of(families.begin(), families.end(), any_reference))
    text +=
        "The paper's values were measured on far larger models, so compare directions rather than sizes: ✓ where ours goes the paper's "
        "way. ";
  if (document.by_seeds())
    text += "With several seeds: mean ± standard deviation; of three and more also the interval of two standard errors around the mean.";
  return text;
}

}  // namespace

std::string sweep_table(const Document& document) {
  return section("results", "Results", document.groups.empty() ? "" : lead_of(document), of_families(document, table_of));
}

std::string all_numbers(const Document& document) {
  const std::vector<std::string> keys = metrics_present(document.groups);
  if (keys.empty()) return "";
  std::string head = R"(<th scope="col" class="name">Point</th>)", body;
  for (const std::string& key : keys) head += element("th", {{"scope", "col"}}, element("code", {}, escape(key)));
  for (const Group& group : document.groups)
    for (const Row* row : group.finished()) {
      const std::string& label = document.runs[group.run].label;
      std::string cells = element("th", {{"scope", "row"}, {"class", "name"}}, escape(label.empty() ? row->id : label + ": " + row->id));
      for (const std::string& key : keys) {
        const double value = value_of(row->metrics, key);
        cells += element("td", {}, data(escape(format_metric(metric_info(key), value)), value));
      }
      body += "<tr>" + cells + "</tr>\n";
    }
  if (body.empty()) return "";
  const std::string table = element("table", {{"class", "numbers"}},
                                    "<caption class=\"hidden\">Every scalar metric of every point</caption><thead><tr>" + head +
                                        "</tr></thead>" + element("tbody", {}, body));
  return section("numbers", "All numbers", "Every scalar that was measured, one line per point; results.json holds them with all digits.",
                 element("div", {{"class", "scroll"}, {"tabindex", "0"}}, table));
}

}  // namespace ablate::report
