// Parts of a sweep: --points and --shard.
#include "base/error.h"
#include "experiment/plan.h"

#include <algorithm>

namespace ablate {
namespace {

bool is_called(const Plan& plan, std::size_t index, const std::string& name) {
  const Point& point = plan.points[index];
  return name == std::to_string(index + 1) || name == point.id || name == point.name || name == point.label;
}

}  // namespace

std::vector<std::size_t> select(const Plan& plan, const Selection& selection) {
  require(selection.shards >= 1 && selection.shard >= 1 && selection.shard <= selection.shards,
          "--shard {}/{}: expected k/n with 1 <= k <= n", selection.shard, selection.shards);
  std::vector<bool> chosen(plan.points.size(), selection.points.empty());
  for (const std::string& name : selection.points) {
    bool found = false;
    for (std::size_t i = 0; i < plan.points.size(); ++i) {
      if (is_called(plan, i, name)) chosen[i] = found = true;
    }
    require(found, "--points {}: no such point; expected numbers from 1 to {}, ids or names (`ablate check` lists them)", name,
            plan.points.size());
  }
  std::vector<std::size_t> indices;
  int position = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] && position++ % selection.shards == selection.shard - 1) indices.push_back(i);
  }
  return indices;
}

}  // namespace ablate
