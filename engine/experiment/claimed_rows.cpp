#include "experiment/claimed_rows.h"

#include "base/error.h"
#include "results/label.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace ablate {

void check_claimed_rows(const Plan& plan) {
  std::map<std::string, std::set<std::string>> labels;  // by the name of a row, its labels without the seed
  for (const Point& point : plan.points) {
    const std::string label = without_seed(point.label, swept_seed(point.swept));
    labels[label].insert(label);
    if (!point.name.empty()) labels[point.name].insert(label);
  }
  std::vector<std::string> known;
  for (const auto& [name, own] : labels)
    if (own.size() == 1) known.push_back(name);
  for (const Claim& claim : plan.claims)
    for (const Formula& metric : metrics_of(claim)) {
      const auto found = labels.find(metric.row);
      const std::string meant = nearest(metric.row, known);
      require(found != labels.end(), "{}: \"{}\": there is no row \"{}\"; {}", claim.where, claim.holds, metric.row,
              meant.empty() ? fmt::format("there are {}", fmt::join(known, ", ")) : fmt::format("did you mean \"{}\"?", meant));
      require(found->second.size() == 1, "{}: \"{}\": \"{}\" stands for several rows: {}", claim.where, claim.holds, metric.row,
              fmt::join(found->second, "; "));
    }
}

void find_claimed_rows(Plan& plan) {
  for (Claim& claim : plan.claims) {
    claim.needs.clear();
    const std::vector<std::string> called = rows_of(claim);
    for (const Point& point : plan.points)
      if (std::any_of(called.begin(), called.end(),
                      [&](const std::string& name) { return is_called(name, point.name, point.label, point.swept); }))
        claim.needs.push_back(point.label);
  }
}

}  // namespace ablate
