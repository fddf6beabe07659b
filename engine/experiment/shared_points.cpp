#include "experiment/shared_points.h"

#include "base/error.h"
#include "experiment/fingerprint.h"
#include "results/results_file.h"

#include <map>
#include <numeric>

namespace ablate {

// Of a point whose files are not there, which can be planned and not run, what is written in place of what the files hold.
static std::string key_of(const Plan& plan, const Point& point) {
  try {
    return fingerprint_of(plan, point).text();
  } catch (const InputError&) {
    Value written = point.table;
    for (const char* words : {"name", "title", "description"}) erase(written, words);
    return to_json(written, -1);
  }
}

std::vector<std::size_t> first_alike(const Plan& plan) {
  std::vector<std::size_t> first(plan.points.size());
  std::iota(first.begin(), first.end(), std::size_t{0});
  if (!plan.collection) return first;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = known.emplace(key_of(plan, plan.points[i]), i).first->second;
  return first;
}

}  // namespace ablate
