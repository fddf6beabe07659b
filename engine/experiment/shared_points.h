// Points of a collection that come to the same thing: the baseline that several of its files have.
#pragma once

#include "experiment/plan.h"

namespace ablate {

/// For every point of the plan the first that has the same settings, by what decides its numbers (results/fingerprint.h): itself where there
/// is none before it, and everywhere in a plan that is no collection.
std::vector<std::size_t> first_alike(const Plan& plan);

}  // namespace ablate
