// The options that commands about an experiment file share.
#pragma once

#include "experiment/plan.h"

namespace CLI {
class App;
}

namespace ablate {

struct RunOptions {
  std::filesystem::path file;          ///< FILE.toml, or the name of a shipped one
  std::filesystem::path out = "runs";  ///< --out DIR
  std::string device;                  ///< --device N|NAME; empty: the file's `device`, else the best
  std::vector<std::string> sets;       ///< --set key=value, each
  std::vector<std::string> without;    ///< --without caps, with those of the file's `without`
  bool resume = false;                 ///< --resume
  std::vector<std::string> points;     ///< --points 2,7-9 (numbers, ranges, ids or names), each
  std::string shard;                   ///< --shard k/n

  /// The plan of the file, or of the shipped one of that name. Throws InputError.
  Plan plan() const;
  /// What --points and --shard choose. Throws InputError.
  Selection selection() const;
  /// The words of --without, comma-separated.
  std::string masks() const;
};

/// FILE.toml and --set: what it takes to make a plan. `options` must outlive the parsing.
void add_plan_options(CLI::App& app, RunOptions& options);
/// --device and --without.
void add_device_options(CLI::App& app, RunOptions& options);
/// --points and --shard.
void add_selection_options(CLI::App& app, RunOptions& options);
/// Those and all others.
void add_run_options(CLI::App& app, RunOptions& options);

}  // namespace ablate
