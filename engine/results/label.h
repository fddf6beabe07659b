// Labels of points, as their rows are called without the seed that repeats them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ablate {

struct Value;

/// The seed that repeats a point: its value of the swept key `seed`, "" where that is not swept. The seed of data, or of another section, is
/// a setting like any other: its points are no repeats of each other.
std::string swept_seed(const std::vector<std::pair<std::string, Value>>& swept);

/// "sandwich, lr=0.001, seed=7" with the swept seed "7" -> "sandwich, lr=0.001"; "all points" where nothing but the seed is left. The label
/// as it is where no seed is swept.
std::string without_seed(const std::string& label, const std::string& seed);

}  // namespace ablate
