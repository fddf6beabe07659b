#include "experiment/claimed_rows.h"

#include "base/error.h"
#include "experiment/run/model_source.h"
#include "results/label.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace ablate {
namespace {

/// By the name of a row, its labels without the seed, a seed once each.
using Labels = std::map<std::string, std::map<std::string, std::vector<std::string>>>;

Labels labels_of(const Plan& plan) {
  Labels labels;
  for (const Point& point : plan.points) {
    const std::string seed = swept_seed(point.swept), label = without_seed(point.label, seed);
    labels[label][label].push_back(seed);
    if (!point.name.empty() && point.name != label) labels[point.name][label].push_back(seed);
  }
  return labels;
}

/// What is wrong with a row that a claim speaks of; empty if nothing is.
std::string what_is_wrong(const std::string& row, const Labels& labels) {
  const auto found = labels.find(row);
  if (found == labels.end()) {
    std::vector<std::string> known;
    for (const auto& [name, own] : labels)
      if (own.size() == 1) known.push_back(name);
    const std::string meant = nearest(row, known);
    return fmt::format("there is no row \"{}\"; {}", row,
                       meant.empty() ? fmt::format("there are {}", fmt::join(known, ", ")) : fmt::format("did you mean \"{}\"?", meant));
  }
  std::vector<std::string> several;
  for (const auto& [label, seeds] : found->second) several.push_back(label);
  if (several.size() > 1) return fmt::format("\"{}\" stands for several rows: {}", row, fmt::join(several, "; "));
  std::vector<std::string> seeds = found->second.begin()->second;
  std::sort(seeds.begin(), seeds.end());
  const bool alike = std::adjacent_find(seeds.begin(), seeds.end()) != seeds.end();
  return alike ? fmt::format("several rows are called \"{}\"", row) : "";
}

/// "planted", a preset; "checkpoint"; "" of a model made from its parts.
std::string model_of(const Point& point) {
  if (find(point.table, "model.checkpoint")) return "checkpoint";
  const Value* preset = find(point.table, "model.preset");
  return preset ? to_text(*preset) : "";
}

void check_model(const Claim& claim) {
  if (claim.model.empty() || claim.model == "checkpoint") return;
  std::vector<std::string> known{"checkpoint"};
  for (const auto& [name, maker] : ModelPresets::all()) known.push_back(name);
  require(ModelPresets::has(claim.model), "{}: expected one of {}, found \"{}\"", claim.model_where, fmt::join(known, ", "), claim.model);
}

/// Whether the claim's rows have the model that it is about. Fills in which rows those are.
bool finds_rows(Claim& claim, const Plan& plan) {
  claim.needs.clear();
  bool of_model = true;
  const std::vector<std::string> called = rows_of(claim);
  for (const Point& point : plan.points) {
    if (std::none_of(called.begin(), called.end(),
                     [&](const std::string& name) { return is_called(name, point.name, point.label, point.swept); }))
      continue;
    claim.needs.push_back(point.label);
    of_model &= claim.model.empty() || claim.model == model_of(point);
  }
  return of_model;
}

/// An optional claim is made where all its rows are there.
bool is_left_out(const Claim& claim, const Labels& labels) {
  const std::vector<std::string> rows = rows_of(claim);
  return claim.optional && std::any_of(rows.begin(), rows.end(), [&](const std::string& row) { return !labels.contains(row); });
}

std::string first_wrong_row(const Claim& claim, const Labels& labels) {
  for (const std::string& row : rows_of(claim))
    if (std::string wrong = what_is_wrong(row, labels); !wrong.empty()) return wrong;
  return "";
}

}  // namespace

void put_aside(Plan& plan, const std::vector<WrongClaim>& wrong) {
  for (const auto& [claim, why] : wrong)
    require(!plan.sets.empty() && !claim.where.starts_with("--set"), "{}: \"{}\": {}", claim.where, claim.holds, why);
  if (wrong.empty()) return;
  const bool one = wrong.size() == 1;
  plan.notes.push_back(fmt::format("{} put aside, for --set took away what {}: \"{}\": {}",
                                   one ? "a claim is" : fmt::format("{} claims are", wrong.size()),
                                   one ? "it speaks of" : "they speak of; the first", wrong[0].first.holds, wrong[0].second));
}

void settle_claims(Plan& plan, const std::function<void()>& as_written) {
  const Labels labels = labels_of(plan);
  std::map<std::string, int> of_others;
  std::vector<Claim> kept;
  std::vector<WrongClaim> wrong;
  for (Claim& claim : plan.claims) {
    check_model(claim);
    if (is_left_out(claim, labels)) continue;
    if (std::string why = first_wrong_row(claim, labels); !why.empty()) wrong.emplace_back(std::move(claim), std::move(why));
    else if (finds_rows(claim, plan)) kept.push_back(std::move(claim));
    else ++of_others[claim.model];
  }
  plan.claims = std::move(kept);
  put_aside(plan, wrong);
  if (!wrong.empty()) as_written();
  for (const auto& [model, count] : of_others)
    plan.notes.push_back(fmt::format("{} about the model \"{}\" {} put aside: it is not that of the rows",
                                     count == 1 ? "a claim" : fmt::format("{} claims", count), model, count == 1 ? "is" : "are"));
}

}  // namespace ablate
