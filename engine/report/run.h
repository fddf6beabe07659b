// A run folder as the report sees it: whatever is there, and a list of what is not.
#pragma once

#include "base/figure.h"
#include "base/metrics.h"
#include "results/claim.h"
#include "results/fingerprint.h"

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ablate::report {

/// One logged quantity of a point over its training.
struct Curve {
  std::vector<double> at, value;  ///< tokens seen (steps where the batch size is unknown), value
};

/// One point of a sweep. Everything but the id may be missing.
struct Row {
  enum class State { done, failed, unfinished };
  State state = State::unfinished;
  std::string id, name, label, error;
  std::string group;  ///< what is left of the label without the seed: rows of the same group are repeats
  std::string seed;
  std::string family;  ///< the `group` that the experiment file puts the row into; may be empty

  std::vector<std::pair<std::string, double>> metrics;    ///< the scalar ones, in their order
  std::vector<std::pair<std::string, double>> reference;  ///< published values
  std::vector<double> spike_per_state;                    ///< (2L + 1)
  std::vector<std::vector<double>> top_per_state;         ///< (2L + 1, k), largest first
  std::vector<double> median_per_state;                   ///< (2L + 1)
  std::vector<int> step_up_blocks, step_down_blocks;      ///< block b turns state b - 1 into state b
  std::vector<std::vector<double>> sink_score;            ///< (L, H)
  std::vector<Figure> figures;
  Metrics all_metrics;  ///< what claims may speak of: all but figures
  std::map<std::string, Curve> curves;
  bool curves_by_tokens = true;  ///< otherwise `at` counts steps
};

/// Whether a claim that says `called` means this row.
bool is_called(const std::string& called, const Row& row);

/// Value of `name` in a list of named numbers; NaN if absent.
double value_of(const std::vector<std::pair<std::string, double>>& values, const std::string& name);

struct Run {
  std::filesystem::path folder;
  std::string label;  ///< tells runs apart in a comparison; empty where there is only one
  std::string experiment, title, description;
  std::vector<Row> rows;                                    ///< in the order of the plan
  std::vector<Claim> claims;                                ///< what the experiment says it shows
  std::vector<std::pair<std::string, std::string>> facts;   ///< device, driver, settings, ...: name and text
  std::vector<std::pair<std::string, std::string>> shared;  ///< settings that all points share, dotted name and value
  std::string command;                                      ///< to run it again, as typed into a shell
  SweepFingerprints settings;                               ///< what decided the points' numbers; empty where no version noted it
  std::vector<std::string> notes;                           ///< fallbacks that the run took
  std::vector<std::string> missing;                         ///< what could not be read, one sentence each
};

/// `folder` itself if a run wrote it, else the runs right inside it (`ablate run --out` puts each experiment in a folder of its own), by
/// name.
std::vector<std::filesystem::path> run_folders(const std::filesystem::path& folder);

/// Reads a folder that `ablate run` wrote, finished or not. Throws InputError when there is no such folder or nothing of a run in it; files
/// that are missing or damaged are told in `missing`.
Run read_run(const std::filesystem::path& folder);

/// What the manifest of a run says decided its points' numbers; empty where it says nothing.
SweepFingerprints read_settings(const std::filesystem::path& folder);

/// Adds to `missing` which points failed and which have no result. Separate from reading: parts of a sweep are joined in between.
void tell_what_is_missing(Run& run);

}  // namespace ablate::report
