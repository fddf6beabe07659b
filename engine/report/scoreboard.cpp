// What the experiment says it shows, and whether it does: a line per claim, with the rows that it is about.
#include "report/report.h"
#include "report/sections.h"
#include "report/text.h"
#include "results/row.h"

#include <fmt/core.h>

#include <algorithm>

namespace ablate::report {
namespace {

/// Rows with a result, as claims are judged on.
std::vector<ablate::Row> judged_rows(const Run& run) {
  std::vector<ablate::Row> rows;
  for (const Row& row : run.rows) {
    if (row.state == Row::State::unfinished) continue;
    ablate::Row& judged = rows.emplace_back();
    judged.id = row.id, judged.name = row.name, judged.label = row.label, judged.error = row.error, judged.metrics = row.all_metrics;
    if (!row.seed.empty()) judged.swept.emplace_back("seed", Value{row.seed, ""});
  }
  return rows;
}

std::string badge(Verdict verdict) {
  const char* sign = verdict == Verdict::holds ? "✓" : verdict == Verdict::fails ? "✗" : "?";
  return element("span", {{"class", "verdict " + to_text(verdict)}}, fmt::format("{} {}", sign, to_text(verdict)));
}

/// Of one run: the verdict, below it the two sides and how many seeds, or why it is open.
std::string verdict_cell(const std::optional<Judgement>& judgement, const std::string& label) {
  const Attributes attributes{{"class", "verdict"}, {"data-label", label}};
  if (!judgement) return element("td", attributes, R"(<span class="absent">not claimed</span>)");
  return element("td", attributes, badge(judgement->verdict) + element("span", {{"class", "sides"}}, escape(sides_of(*judgement))));
}

/// Links to the rows that the claim is about.
std::string links_to_rows(const Document& document, std::size_t claim) {
  std::string links;
  for (const Family& family : document.families)
    for (const Line& line : family.headline.lines)
      if (std::find(line.claims.begin(), line.claims.end(), claim) != line.claims.end())
        links += (links.empty() ? "" : ", ") + element("a", {{"href", "#" + line.anchor}}, escape(line.name));
  return links.empty() ? "" : element("span", {{"class", "about"}}, "rows: " + links);
}

std::string line_of(const Document& document, std::size_t number) {
  const ScoredClaim& scored = document.claims[number];
  std::string said = element("b", {}, escape(scored.claim.text)) + element("code", {}, escape(scored.claim.holds));
  if (!scored.claim.paper.empty()) said += element("span", {{"class", "source"}}, escape(scored.claim.paper));
  std::string cells = element("th", {{"scope", "row"}, {"class", "name"}}, said + links_to_rows(document, number));
  for (std::size_t r = 0; r < document.runs.size(); ++r) cells += verdict_cell(scored.judgements[r], document.runs[r].label);
  return element("tr", {{"id", fmt::format("claim-{}", number + 1)}}, cells) + "\n";
}

}  // namespace

std::vector<ScoredClaim> scored_claims(std::span<const Run> runs) {
  std::vector<ScoredClaim> all;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::vector<ablate::Row> rows = judged_rows(runs[r]);
    for (const Claim& claim : runs[r].claims) {
      const auto same = [&](const ScoredClaim& other) { return other.claim.text == claim.text && other.claim.holds == claim.holds; };
      auto scored = std::find_if(all.begin(), all.end(), same);
      if (scored == all.end()) scored = all.insert(scored, {claim, std::vector<std::optional<Judgement>>(runs.size())});
      scored->judgements[r] = judge(claim, rows);
    }
  }
  return all;
}

std::string score_line(std::span<const Run> runs) {
  const std::vector<ScoredClaim> claims = scored_claims(runs);
  std::string text;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    std::vector<Verdict> verdicts;
    for (const ScoredClaim& scored : claims)
      if (scored.judgements[r]) verdicts.push_back(scored.judgements[r]->verdict);
    if (verdicts.empty()) continue;
    const std::string& label = runs[r].label;
    text += fmt::format("{}{}{}{}", text.empty() ? "" : " · ", label, label.empty() ? "" : ": ", score_of(verdicts));
  }
  return text;
}

std::string scoreboard(const Document& document) {
  if (document.claims.empty()) return "";
  std::string head = R"(<th scope="col" class="name">Claim</th>)", body;
  for (const Run& run : document.runs) head += element("th", {{"scope", "col"}}, run.label.empty() ? "Verdict" : escape(run.label));
  for (std::size_t c = 0; c < document.claims.size(); ++c) body += line_of(document, c);
  const std::string table =
      element("table", {{"class", "claims"}},
              R"(<caption class="hidden">Claims and verdicts</caption><thead><tr>)" + head + "</tr></thead>" + element("tbody", {}, body));
  return section("claims", "What it shows", score_line(document.runs) + ".",
                 element("div", {{"class", "scroll"}, {"tabindex", "0"}}, table));
}

}  // namespace ablate::report
