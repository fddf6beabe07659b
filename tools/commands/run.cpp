// `ablate run FILE.toml`
#include "collective/collective.h"
#include "command.h"
#include "experiment/run/ranks.h"
#include "run_options.h"

#include <CLI/CLI.hpp>

namespace ablate {
namespace {

std::function<int()> declare(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  auto request = std::make_shared<RunRequest>();
  add_run_options(app, *options);
  app.add_option("--devices", request->devices,
                 "Spread the points over several devices, a process on each: all (every GPU), or a list such as 0,1")
      ->type_name("all|LIST")
      ->excludes("--device");
  app.add_flag("--strict", request->strict, "Exit with 1 when a claim of the experiment fails");
  app.add_flag("--profile", request->profile,
               "Write where the time of a training step goes to profile.csv of every point (slows training down)");
  app.add_flag("--one-by-one", request->one_by_one, "Run one kernel at a time, so that a lost device is blamed on the right one (slow)");
  app.add_flag("--validation", request->validation, "Run under the Vulkan validation layer; any message is fatal");
  app.add_flag("--worker", request->worker, "Take numbers of points from standard input")->group("");  // what --devices starts
  const auto read = [options, request] {
    request->plan = options->plan();
    request->selection = options->selection();
    request->out = options->out, request->device = options->device, request->resume = options->resume;
    request->without = options->masks();
    request->command = {"ablate", "run", options->file.string()};
    for (const std::string& set : options->sets) request->command.insert(request->command.end(), {"--set", set});
    return *request;
  };
  return [read] {
    const std::unique_ptr<Collective> ranks = join_ranks();
    return ranks->size() == 1 ? run_plan(read()) : run_on_ranks(*ranks, read);
  };
}

const CommandRegistration registration{{"run", "Run an experiment file", declare}};

}  // namespace
}  // namespace ablate
