#include "experiment/run/claimed_metrics.h"

#include "experiment/claimed_rows.h"
#include "experiment/run/kind.h"
#include "ops/user/user_shader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace ablate {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

MetricNames metrics_of(const Point& point) {
  Settings settings = point.settings();
  const RegistrationScope shaders = read_user_shaders(settings);
  return ExperimentKinds::find("kind", point.kind).yields(settings);
}

/// Of one claim's metric, against what its row may have; empty if it is all right.
std::string what_is_wrong(const Formula& metric, const MetricNames& known) {
  const bool number = contains(known.numbers, metric.name), list = contains(known.lists, metric.name);
  if (metric.at.empty() ? number : list) return "";
  if (list) return fmt::format("{} is a list: say which of its numbers, as in {}[0]('{}')", metric.name, metric.name, metric.row);
  if (number) return fmt::format("{} is one number and no list", metric.name);
  if (contains(known.texts, metric.name)) return fmt::format("{} is a text and no number", metric.name);
  std::vector<std::string> names = known.numbers;
  names.insert(names.end(), known.lists.begin(), known.lists.end());
  const std::string meant = nearest(metric.name, names);
  return fmt::format("{} is not measured by row \"{}\"; {}", metric.name, metric.row,
                     meant.empty() ? fmt::format("it has {} (more with probe.statistics)", fmt::join(names, ", "))
                                   : fmt::format("did you mean {}?", meant));
}

/// Of all of a claim's metrics; `known` by the row's name, for its seeds are alike.
std::string what_is_wrong(const Claim& claim, const Plan& plan, std::map<std::string, MetricNames>& known) {
  for (const Formula& metric : metrics_of(claim)) {
    const auto point = std::find_if(plan.points.begin(), plan.points.end(),
                                    [&](const Point& p) { return is_called(metric.row, p.name, p.label, p.swept); });
    if (point == plan.points.end()) continue;
    if (!known.contains(metric.row)) known[metric.row] = metrics_of(*point);
    if (std::string wrong = what_is_wrong(metric, known[metric.row]); !wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

void settle_claimed_metrics(Plan& plan) {
  std::map<std::string, MetricNames> known;
  std::vector<Claim> kept;
  std::vector<WrongClaim> wrong;
  for (Claim& claim : plan.claims) {
    if (std::string why = what_is_wrong(claim, plan, known); !why.empty()) wrong.emplace_back(std::move(claim), std::move(why));
    else kept.push_back(std::move(claim));
  }
  plan.claims = std::move(kept);
  put_aside(plan, wrong);
  if (wrong.empty()) return;
  Plan written = read_plan(plan.source);
  settle_claimed_metrics(written);
}

}  // namespace ablate
