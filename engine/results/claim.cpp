#include "results/claim.h"

#include "base/error.h"
#include "base/formula_value.h"
#include "base/settings.h"
#include "results/label.h"
#include "results/row.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace ablate {
namespace {

using Kind = Formula::Kind;

void each_metric(const Formula& formula, const std::function<void(const Formula&)>& visit) {
  if (formula.kind == Kind::metric) visit(formula);
  for (const Formula& part : formula.parts) each_metric(part, visit);
}

void each_comparison(const Formula& formula, const std::function<void(const Formula&)>& visit) {
  if (formula.is_comparison()) return visit(formula);
  for (const Formula& part : formula.parts) each_comparison(part, visit);
}

void refuse_names(const Formula& formula, const Claim& claim) {
  if (formula.kind == Kind::name)
    bad_input("{}: \"{}\": {} is no number: a metric needs its row, as in {}('baseline')", claim.where, claim.holds, formula.name,
              formula.name);
  for (const Formula& part : formula.parts) refuse_names(part, claim);
}

Formula formula_of(const Claim& claim) {
  Formula formula = parse_formula(claim.holds, claim.where);
  if (!formula.is_condition()) bad_input("{}: \"{}\": expected a comparison (<, <=, >, >=)", claim.where, claim.holds);
  refuse_names(formula, claim);
  return formula;
}

/// Of what would hold, or fail, whatever the rows say, nothing is learned.
void refuse_foregone(const Formula& formula, const Claim& claim) {
  each_comparison(formula, [&](const Formula& comparison) {
    bool speaks = false;
    each_metric(comparison, [&](const Formula&) { speaks = true; });
    require(speaks, "{}: \"{}\": {} speaks of no row: expected a metric, as in spike('baseline')", claim.where, claim.holds,
            ablate::to_text(comparison));
    require(!is_foregone(comparison), "{}: \"{}\": {} comes out the same whatever the rows say", claim.where, claim.holds,
            ablate::to_text(comparison));
  });
}

/// The number that the formula asks for; none where there is no such place in the metric.
std::optional<double> number_at(const Metric& metric, const std::vector<std::size_t>& at) {
  const auto* number = std::get_if<double>(&metric);
  if (number && at.empty()) return *number;
  const auto* list = std::get_if<std::vector<double>>(&metric);
  if (list && at.size() == 1 && at[0] < list->size()) return (*list)[at[0]];
  const auto* table = std::get_if<std::vector<std::vector<double>>>(&metric);
  if (table && at.size() == 2 && at[0] < table->size() && at[1] < (*table)[at[0]].size()) return (*table)[at[0]][at[1]];
  return std::nullopt;
}

double finite_value(const Formula& wanted, const Row& row) {
  const std::string name = name_of_metric(wanted);
  const Metric* metric = row.metrics.find(wanted.name);
  const std::optional<double> value = metric ? number_at(*metric, wanted.at) : std::nullopt;
  if (!value) throw NoValue(fmt::format("“{}” has no {}{}", row.label, name, metric && wanted.at.empty() ? " that is one number" : ""));
  if (!std::isfinite(*value)) throw NoValue(fmt::format("{} of “{}” is not a finite number", name, row.label));
  return *value;
}

/// A row's value of one metric, by seed ("" where the row has none: it then goes with every seed).
using BySeed = std::map<std::string, double>;

class Rows {
 public:
  explicit Rows(std::span<const Row> rows) : rows_(rows) {}

  BySeed values(const Formula& metric) const {
    BySeed values;
    bool found = false;
    for (const Row& row : rows_) {
      if (!is_called(metric.row, row.name, row.label, row.swept)) continue;
      found = true;
      if (!row.error.empty()) throw NoValue(fmt::format("“{}” failed", row.label));
      if (!values.emplace(swept_seed(row.swept), finite_value(metric, row)).second)
        throw NoValue(fmt::format("several rows are called “{}”", row.label));
    }
    if (values.contains("") && values.size() > 1)
      throw NoValue(fmt::format("of the rows called “{}” one has no seed and others have", metric.row));
    if (!found) throw NoValue(fmt::format("“{}” was not run", metric.row));
    return values;
  }

  /// The seeds that every row of the formula has; one nameless seed where no row has any.
  std::vector<std::string> seeds(const Formula& formula) const {
    std::optional<std::set<std::string>> common;
    each_metric(formula, [&](const Formula& metric) {
      std::set<std::string> own;
      for (const auto& [seed, value] : values(metric)) own.insert(seed);
      if (own.contains("")) return;
      if (!common) common = own;
      std::erase_if(*common, [&](const std::string& seed) { return !own.contains(seed); });
    });
    if (!common) return {""};
    if (common->empty()) throw NoValue("its rows have no seed in common");
    return {common->begin(), common->end()};
  }

  /// Throws NoValue for one of these labels that no row has.
  void require_all(const std::vector<std::string>& labels) const {
    for (const std::string& label : labels)
      if (std::none_of(rows_.begin(), rows_.end(), [&](const Row& row) { return row.label == label; }))
        throw NoValue(fmt::format("“{}” was not run", label));
  }

  double number(const Formula& formula, const std::string& seed) const {
    return value_of(formula, [&](const Formula& metric) {
      const BySeed all = values(metric);
      const auto own = all.find(seed);
      return own == all.end() ? all.at("") : own->second;
    });
  }

 private:
  std::span<const Row> rows_;
};

Verdict verdict_of(const std::vector<double>& margins, bool ties_hold) {
  const auto holds = [&](double margin) { return margin > 0 || (ties_hold && margin == 0); };
  const auto n = static_cast<double>(margins.size());
  const auto count = std::count_if(margins.begin(), margins.end(), holds);
  if (margins.size() <= 2) return count == std::ssize(margins) ? Verdict::holds : count == 0 ? Verdict::fails : Verdict::open;
  double mean = 0, square = 0;
  for (const double margin : margins) mean += margin / n;
  for (const double margin : margins) square += (margin - mean) * (margin - mean);
  const double error = std::sqrt(square / (n - 1) / n);
  if (error == 0) return holds(mean) ? Verdict::holds : Verdict::fails;
  return mean > 2 * error ? Verdict::holds : mean < -2 * error ? Verdict::fails : Verdict::open;
}

Judgement compare(const Formula& formula, const Rows& rows) {
  Judgement judgement{Verdict::open, "", 0, to_text(formula), 0, 0};
  const bool less = formula.kind == Kind::less || formula.kind == Kind::at_most;
  std::vector<double> margins;
  const std::vector<std::string> seeds = rows.seeds(formula);
  for (const std::string& seed : seeds) {
    const double left = rows.number(formula.parts[0], seed), right = rows.number(formula.parts[1], seed);
    judgement.left += left / static_cast<double>(seeds.size());
    judgement.right += right / static_cast<double>(seeds.size());
    margins.push_back(less ? right - left : left - right);
  }
  judgement.seeds = static_cast<int>(margins.size());
  judgement.verdict = verdict_of(margins, formula.kind == Kind::at_most || formula.kind == Kind::at_least);
  if (judgement.verdict == Verdict::open)
    judgement.reason = margins.size() == 2 ? "its two seeds disagree" : "the two sides are within two standard errors";
  return judgement;
}

/// With "and" the worse of two decides, with "or" the better; open stands between.
Judgement decide(const Formula& formula, const Rows& rows) {
  if (formula.is_comparison()) return compare(formula, rows);
  const Judgement first = decide(formula.parts[0], rows), second = decide(formula.parts[1], rows);
  const auto worth = [](const Judgement& j) { return j.verdict == Verdict::holds ? 2 : j.verdict == Verdict::open ? 1 : 0; };
  const bool take_second = formula.kind == Kind::both ? worth(second) < worth(first) : worth(second) > worth(first);
  return take_second ? second : first;
}

/// More lines could read like verdicts of their own.
void require_one_line(Settings& claim, const char* key) {
  const std::string text = claim.get<std::string>(key, "");
  require(on_one_line(text) == text, "{}: expected one line of text", claim.where(key));
}

std::string side(double value) { return fmt::format("{:.4g}", value); }

}  // namespace

std::string to_text(Verdict verdict) { return verdict == Verdict::holds ? "holds" : verdict == Verdict::fails ? "fails" : "open"; }

Claim read_claim(Settings& table) {
  Claim claim;
  claim.text = table.get<std::string>({"text", "the sentence"});
  claim.holds = table.get<std::string>({"holds", "comparison of metrics of rows that makes it true"});
  claim.paper = table.get<std::string>({"paper", "where it was published"}, "");
  claim.model = table.get<std::string>({"model", "\"planted\" or \"checkpoint\": the claim is about such a model only"}, "");
  claim.optional = table.get<bool>({"optional", "left out where its rows are not there"}, false);
  claim.where = table.where("holds");
  claim.model_where = table.where("model");
  return claim;
}

std::vector<Claim> read_claims(const Value& experiment) {
  const Value* list = find(experiment, "claim");
  if (!list) return {};
  const auto* tables = list->as<Value::Array>();
  require(tables, "{}: claim: expected an array of tables ([[claim]]), found {}", list->where, type_name(*list));
  std::vector<Claim> claims;
  for (const Value& table : *tables) {
    require(table.as<Value::Table>(), "{}: claim: expected an array of tables, found {} in it", table.where, type_name(table));
    Settings settings(table, "claim");
    Claim claim = read_claim(settings);
    settings.reject_unused();
    for (const char* key : {"text", "paper"}) require_one_line(settings, key);
    require(!claim.text.empty(), "{}: expected a sentence", settings.where("text"));
    refuse_foregone(formula_of(claim), claim);
    claims.push_back(std::move(claim));
  }
  return claims;
}

Judgement judge(const Claim& claim, std::span<const Row> rows) {
  const Formula formula = formula_of(claim);
  try {
    const Rows table(rows);
    table.require_all(claim.needs);
    each_metric(formula, [&](const Formula& metric) { table.values(metric); });  // what any part lacks, the whole claim lacks
    return decide(formula, table);
  } catch (const NoValue& missing) {
    return {Verdict::open, missing.what(), 0, claim.holds, std::nan(""), std::nan("")};
  }
}

bool is_called(const std::string& called, const std::string& name, const std::string& label,
               const std::vector<std::pair<std::string, Value>>& swept) {
  return called == name || called == without_seed(label, swept_seed(swept));
}

std::vector<Formula> metrics_of(const Claim& claim) {
  std::vector<Formula> metrics;
  each_metric(formula_of(claim), [&](const Formula& metric) { metrics.push_back(metric); });
  return metrics;
}

std::vector<std::string> rows_of(const Claim& claim) {
  std::vector<std::string> names;
  each_metric(formula_of(claim), [&](const Formula& metric) {
    if (std::find(names.begin(), names.end(), metric.row) == names.end()) names.push_back(metric.row);
  });
  return names;
}

std::string sides_of(const Judgement& judgement) {
  if (judgement.seeds == 0) return judgement.reason;
  const std::string why = judgement.reason.empty() ? "" : fmt::format(": {}", judgement.reason);
  return fmt::format("{}: {} against {}, {} seed{}{}", judgement.comparison, side(judgement.left), side(judgement.right), judgement.seeds,
                     judgement.seeds == 1 ? "" : "s", why);
}

std::string score_of(std::span<const Verdict> verdicts) {
  const auto count = [&](Verdict verdict) { return std::count(verdicts.begin(), verdicts.end(), verdict); };
  const auto holds = count(Verdict::holds), fails = count(Verdict::fails), open = count(Verdict::open);
  std::string text = fmt::format("{} of {} claim{} hold{}", holds, verdicts.size(), verdicts.size() == 1 ? "" : "s", holds == 1 ? "s" : "");
  if (fails > 0) text += fmt::format(", {} fail{}", fails, fails == 1 ? "s" : "");
  if (open > 0) text += fmt::format(", {} open", open);
  return text;
}

std::string format_claims(const std::vector<Claim>& claims, std::span<const Row> rows) {
  std::vector<Verdict> verdicts;
  std::string lines;
  for (const Claim& claim : claims) {
    const Judgement judgement = judge(claim, rows);
    verdicts.push_back(judgement.verdict);
    lines += fmt::format("  {:<5}  {}\n         {}{}\n", to_text(judgement.verdict), claim.text, sides_of(judgement),
                         claim.paper.empty() ? "" : fmt::format(" ({})", claim.paper));
  }
  return claims.empty() ? "" : fmt::format("Claims\n{}{}\n", lines, score_of(verdicts));
}

}  // namespace ablate
