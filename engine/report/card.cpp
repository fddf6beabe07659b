// How the run was made, and how to make it again.
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

namespace ablate::report {
namespace {

std::string facts_of(const Run& run) {
  std::string list;
  for (const auto& [name, value] : run.facts)
    list += element("div", {}, element("dt", {}, escape(name)) + element("dd", {}, escape(value)));
  return list.empty() ? "" : element("dl", {}, list);
}

std::string settings_of(const Run& run) {
  if (run.shared.empty()) return "";
  std::string rows;
  for (const auto& [key, value] : run.shared)
    rows += "<tr>" + element("th", {{"scope", "row"}}, element("code", {}, escape(key))) + element("td", {}, escape(value)) + "</tr>";
  return "<details><summary>Settings that every point shares</summary>" +
         element("div", {{"class", "scroll"}, {"tabindex", "0"}}, element("table", {{"class", "settings"}}, element("tbody", {}, rows))) +
         "</details>";
}

}  // namespace

std::string run_card(const Document& document) {
  std::string cards;
  for (const Run& run : document.runs) {
    std::string card = run.label.empty() ? "" : element("h3", {}, escape(run.label + ": " + run.experiment));
    card += facts_of(run);
    for (const std::string& note : run.notes) card += element("p", {{"class", "note"}}, escape(note));
    if (!run.command.empty())
      card += "<p class=\"again\">To run it again:</p>" + element("pre", {{"tabindex", "0"}}, element("code", {}, escape(run.command)));
    card += settings_of(run);
    if (!card.empty()) cards += element("article", {{"class", "card"}}, card);
  }
  return section("made", "How it was made", "", cards);
}

}  // namespace ablate::report
