// `ablate run FILE.toml`
#include "command.h"
#include "experiment/run/runner.h"
#include "run_options.h"

#include <CLI/CLI.hpp>

namespace ablate {
namespace {

const CommandRegistration registration{{"run", "Run an experiment file", [](CLI::App& app) {
                                          auto options = std::make_shared<RunOptions>();
                                          auto validation = std::make_shared<bool>(false);
                                          add_run_options(app, *options);
                                          auto profile = std::make_shared<bool>(false);
                                          app.add_flag("--profile", *profile, "Write where the time of a training step goes to profile.csv of every point (slows training down)");
                                          app.add_flag("--validation", *validation, "Run under the Vulkan validation layer; any message is fatal");
                                          return [options, validation, profile] {
                                            RunRequest request{options->plan(), options->selection(), options->out, options->device, "", options->resume, *validation, *profile, {}};
                                            for (const std::string& word : options->without) request.without += (request.without.empty() ? "" : ",") + word;
                                            request.command = {"ablate", "run", options->file.string()};
                                            for (const std::string& set : options->sets) request.command.insert(request.command.end(), {"--set", set});
                                            return run_plan(request);
                                          };
                                        }}};

}  // namespace
}  // namespace ablate
