// The parts of the page. Each is empty where its data is missing.
#pragma once

#include "report/comparison.h"

#include <functional>
#include <optional>

namespace ablate::report {

/// What a part of the page reads: rows that are compared with one another, the first of them with all others.
struct Family {
  std::span<const Run> runs;
  std::string name;  ///< empty where the experiment knows no groups
  std::vector<Group> groups;
  Comparison headline;  ///< the metrics of the sweep's table

  Family(std::span<const Run> runs, std::string name, const std::vector<Group>& all);
  bool by_seeds() const;  ///< some group has repeats

  Family(Family&&) = default;
  Family(const Family&) = delete;  // `headline` points into `groups`
};

/// A claim, and what each run says of it.
struct ScoredClaim {
  Claim claim;
  std::vector<std::optional<Judgement>> judgements;  ///< one per run; none where the run does not make the claim
};

/// The claims of all runs, in order, each once.
std::vector<ScoredClaim> scored_claims(std::span<const Run> runs);

/// What every part reads.
struct Document {
  std::span<const Run> runs;
  std::vector<ScoredClaim> claims;
  std::vector<Group> groups;  ///< of all families
  std::vector<Family> families;

  explicit Document(std::span<const Run> runs);
  bool by_seeds() const;  ///< some group has repeats
};

/// `content` of every family that has some, one below the other, each under its name if it has one.
std::string of_families(const Document& document, const std::function<std::string(const Family&)>& content);

/// A titled part of the page; `lead` is a sentence or two of plain text (may be empty). Empty if `content` is.
std::string section(const std::string& id, const std::string& title, const std::string& lead, const std::string& content);

/// A chart with its title and an optional sentence, both plain text.
std::string figure(const std::string& title, const std::string& chart, const std::string& caption = "");

/// Charts that hold one line per group, two in a row on a desktop.
std::string chart_grid(const Family& family, const std::string& charts);

/// The colours of the groups, if there are several; pressing one makes its lines stand out (see style.cpp).
std::string legend(const std::vector<const Group*>& groups);

/// A short line in the colour and dash of a group, as in the charts.
std::string swatch(const std::string& classes);

std::string scoreboard(const Document& document);  ///< scoreboard.cpp: the claims, opening the page
std::string missing_notice(const Document& document);
std::string sweep_table(const Document& document);      ///< sweep_table.cpp
std::string all_numbers(const Document& document);      ///< sweep_table.cpp
std::string effects(const Document& document);          ///< effects.cpp: ours against the paper's changes
std::string training_curves(const Document& document);  ///< curves.cpp
std::string life_cycle(const Document& document);       ///< life_cycle.cpp
std::string sink_heads(const Document& document);       ///< heads.cpp
std::string probe_figures(const Document& document);    ///< figures.cpp
std::string run_card(const Document& document);         ///< card.cpp

std::string_view style();   ///< the CSS
std::string_view script();  ///< the few lines that make the legend work

}  // namespace ablate::report
