// A made-up run folder with everything a report can show: a sweep of eight variants, by default with three seeds.
#pragma once

#include <filesystem>

namespace ablate {

struct SampleRun {
  int seeds = 3;                       ///< 1 to 3
  std::size_t first = 0, last = 1000;  ///< points of the plan that were run: a shard
  std::size_t finished = 1000;         ///< the run was killed in the middle of this point
  double shift = 0;                    ///< moves every loss, to make another run of the same sweep
  const char* title = "Which change removes the sink, which the spike?";
};

/// Writes an experiment file and its results to `out`, as a real run would; returns the run's folder. The same numbers for the same
/// arguments.
std::filesystem::path write_sample_run(const std::filesystem::path& out, const SampleRun& sample = {});

}  // namespace ablate
