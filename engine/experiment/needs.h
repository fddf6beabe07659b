// Points that take what another point of the same run has recorded: an intervention with `statistics = "@ID"`.
#pragma once

#include "experiment/plan.h"

namespace ablate {

/// The points of the plan whose recorded means or ranges the point `index` takes. Throws InputError at the key's place for an id that no point has,
/// a point that records none, and points that need one another.
std::vector<std::size_t> needed_points(const Plan& plan, std::size_t index);

/// A point and why it is run: for its row of the results, or only because another one needs it.
struct Turn {
  std::size_t index = 0;
  bool has_row = true;
};

/// The selected points in the order of the plan, each after those that it needs. Throws as needed_points().
std::vector<Turn> run_order(const Plan& plan, const std::vector<std::size_t>& selected);

}  // namespace ablate
