// A run that several processes do together (docs/ranks.md). Rank 0 reads, writes, measures and prints; every rank trains.
#pragma once

#include "experiment/run/kind.h"
#include "experiment/run/runner.h"
#include "vulkan/instance.h"

#include <functional>
#include <optional>
#include <string>

namespace ablate {

class Collective;

/// What a point failed with while the ranks were at it together: the run ends.
struct RankFailed : RunError {
  using RunError::RunError;
};

/// Runs what `read` gives: run_plan() with these ranks; called by all of them. Says in a line what failed here, ends the others, and
/// returns the exit code.
int run_on_ranks(Collective& ranks, const std::function<RunRequest()>& read);

/// From rank 0 to the others: the point that they train next; nothing at the run's end. Called by all, and returns the same to all.
std::optional<std::size_t> next_point(Collective& ranks, std::optional<std::size_t> point);
/// Gives the other ranks rank 0's choices of kernels: the same bits take the same kernels. Called by all.
void share_choices(Collective& ranks, Tuner& tuner);

/// The number of the device that the `rank_on_host`-th rank of a machine takes: they take turns.
std::string device_of_rank(const Instance& instance, int rank_on_host);

}  // namespace ablate
