#include "run_options.h"

#include "base/error.h"
#include "shipped_files.h"

#include <CLI/CLI.hpp>

#include <charconv>

namespace ablate {

Plan RunOptions::plan() const { return read_plan(experiment_file(file), sets); }

Selection RunOptions::selection() const {
  Selection selection{points, 1, 1};
  if (shard.empty()) return selection;
  const char *text = shard.data(), *end = text + shard.size();
  const auto [slash, first] = std::from_chars(text, end, selection.shard);
  const bool divided = first == std::errc() && slash != end && *slash == '/';
  const auto [rest, second] = divided ? std::from_chars(slash + 1, end, selection.shards) : std::from_chars_result{text, std::errc()};
  require(divided && second == std::errc() && rest == end, "--shard {}: expected k/n, as in 1/4", shard);
  return selection;
}

std::string RunOptions::masks() const {
  std::string list;
  for (const std::string& word : without) list += (list.empty() ? "" : ",") + word;
  return list;
}

void add_plan_options(CLI::App& app, RunOptions& options) {
  app.add_option("file", options.file, "Experiment file (TOML), or the name of one that comes with the program, e.g. quickstart")
      ->required()
      ->type_name("FILE.toml");
  app.add_option("--set", options.sets, "Set a key, e.g. --set train.steps=100; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_device_options(CLI::App& app, RunOptions& options) {
  app.add_option("--device", options.device, "Device by number or part of its name (`ablate devices` lists them)")->type_name("N|NAME");
  app.add_option("--without", options.without, "Do without these capabilities, e.g. --without coopmat,f16")
      ->type_name("CAPS")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void add_selection_options(CLI::App& app, RunOptions& options) {
  app.add_option("--points", options.points,
                 "Only these points: numbers, ranges, ids or names, e.g. --points 2,7-9 or --points \"lr=0.1, seed=2\"; may be repeated")
      ->type_name("LIST")
      ->allow_extra_args(false);
  app.add_option("--shard", options.shard, "Only every n-th point, starting with the k-th")->type_name("K/N");
}

void add_run_options(CLI::App& app, RunOptions& options) {
  add_plan_options(app, options);
  app.add_option("--out", options.out, "Folder for results")->type_name("DIR")->capture_default_str()->check([](const std::string& folder) {
    return folder.empty() ? "expected a folder (\".\" is this one)" : "";
  });
  add_device_options(app, options);
  app.add_flag("--resume", options.resume, "Go on where an interrupted run stopped");
  add_selection_options(app, options);
}

}  // namespace ablate
