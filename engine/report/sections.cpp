#include "report/sections.h"

#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>

namespace ablate::report {

constexpr std::size_t sticky_limit = 12;  // a longer legend would cover the charts it explains
constexpr std::size_t thin_limit = 12;    // more lines than these are drawn thin

static bool have_repeats(const std::vector<Group>& groups) {
  return std::any_of(groups.begin(), groups.end(), [](const Group& group) { return group.rows.size() > 1; });
}

Family::Family(std::span<const Run> of, std::string called, const std::vector<Group>& all) : runs(of), name(std::move(called)) {
  std::copy_if(all.begin(), all.end(), std::back_inserter(groups), [&](const Group& group) { return group.family == name; });
  headline = compare(runs, groups, headline_metrics(metrics_present(groups), metrics_with_reference(groups)));
}

bool Family::by_seeds() const { return have_repeats(groups); }

static bool speaks_of(const Claim& claim, const Line& line) {
  const std::vector<std::string> called = rows_of(claim);
  return std::any_of(line.groups.begin(), line.groups.end(), [&](const Group* group) {
    return group &&
           std::any_of(called.begin(), called.end(), [&](const std::string& name) { return is_called(name, *group->rows.front()); });
  });
}

Document::Document(std::span<const Run> all) : runs(all), claims(scored_claims(all)), groups(group_rows(all)) {
  for (const std::string& name : families_of(groups)) families.emplace_back(runs, name, groups);
  for (std::size_t f = 0; f < families.size(); ++f)
    for (std::size_t l = 0; l < families[f].headline.lines.size(); ++l) {
      Line& line = families[f].headline.lines[l];
      line.anchor = fmt::format("row-{}-{}", f, l);
      for (std::size_t c = 0; c < claims.size(); ++c)
        if (speaks_of(claims[c].claim, line)) line.claims.push_back(c);
    }
}

bool Document::by_seeds() const { return have_repeats(groups); }

std::string of_families(const Document& document, const std::function<std::string(const Family&)>& content) {
  std::string text;
  for (const Family& family : document.families) {
    const std::string own = content(family);
    if (!own.empty() && !family.name.empty()) text += element("h3", {{"class", "family"}}, escape(family.name));
    text += own;
  }
  return text;
}

std::string section(const std::string& id, const std::string& title, const std::string& lead, const std::string& content) {
  if (content.empty()) return "";
  const std::string text = lead.empty() ? "" : element("p", {{"class", "lead"}}, escape(lead));
  return element("section", {{"id", id}}, element("h2", {}, escape(title)) + text + content) + "\n";
}

std::string figure(const std::string& title, const std::string& chart, const std::string& caption) {
  const std::string below = caption.empty() ? "" : element("p", {{"class", "caption"}}, escape(caption));
  return element("figure", {}, element("figcaption", {}, escape(title)) + chart + below);
}

std::string chart_grid(const Family& family, const std::string& charts) {
  return element("div", {{"class", family.groups.size() > thin_limit ? "charts many" : "charts"}}, charts);
}

std::string swatch(const std::string& classes) {
  return fmt::format(R"(<svg class="swatch {}" viewBox="0 0 26 10" aria-hidden="true"><path class="line" d="M1 5H25"></path></svg>)",
                     escape(classes));
}

std::string legend(const std::vector<const Group*>& groups) {
  if (groups.size() < 2) return "";
  std::string items;
  for (const Group* group : groups)
    items += element("button", {{"type", "button"}, {"aria-pressed", "false"}, {"data-series", group->key}},
                     swatch(group->classes) + escape(group->full_name));
  return element("div",
                 {{"class", groups.size() <= sticky_limit ? "legend sticky" : "legend"},
                  {"role", "group"},
                  {"aria-label", "Legend: press a name to make its line stand out"}},
                 items);
}

std::string missing_notice(const Document& document) {
  std::string items;
  for (const Run& run : document.runs)
    for (const std::string& sentence : run.missing)
      items += element("li", {}, escape(run.label.empty() ? sentence : run.label + ": " + sentence));
  if (items.empty()) return "";
  return element("aside", {{"class", "notice"}, {"aria-label", "What is missing"}}, "<h2>What is missing</h2><ul>" + items + "</ul>");
}

}  // namespace ablate::report
