// A made-up run folder with everything a report can show: a sweep of eight variants and three seeds.
#pragma once

#include <filesystem>

namespace ablate {

struct SampleRun {
  int seeds = 3;
  int finished = 1000;  ///< points that have results; the others are planned only
  const char* title = "Which change removes the sink, which the spike?";
  double shift = 0;                        ///< moves every loss, to make another run of the same sweep
  int first_point = 0, last_point = 1000;  ///< of the plan, for shards
};

/// Writes manifest.json, results.json and points/*/metrics.jsonl into `folder`, the same bytes for the same arguments.
void write_sample_run(const std::filesystem::path& folder, const SampleRun& sample = {});

}  // namespace ablate
