// Several run folders: parts of one sweep become one run, others stand beside each other.
#pragma once

#include "report/run.h"

namespace ablate::report {

/// Joins runs of the same experiment and settings that share no finished point (shards, a resumed sweep on another machine) into one; what
/// is left gets labels that tell it apart: the experiment's name, else the folder's.
std::vector<Run> side_by_side(std::vector<Run> runs);

/// Writes results.json, results.csv, manifest.json and copies of points/ of one sweep's parts to `out`, which must not hold results yet.
/// Rows are in the order of their ids, as the sweep has them. Throws InputError when the folders are of different experiments, have a point whose
/// settings differ (also where only one of them ran it) or are not known, or hold different results for the same point.
void merge_runs(const std::vector<std::filesystem::path>& folders, const std::filesystem::path& out);

}  // namespace ablate::report
