// ablate fetch NAME: a model of the Hugging Face Hub into its cache, where `checkpoint = "NAME"` finds it.
#include "fetch/fetch.h"
#include "command.h"

#include "base/error.h"
#include "base/signals.h"
#include "base/terminal.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace ablate {
namespace {

struct Options {
  std::string name, revision;
};

HubName name_of(const Options& options) {
  require(options.revision.empty() || options.name.find('@') == options.name.npos, "{}: names a revision, and so does --revision",
          options.name);
  const auto name = HubName::parse(options.revision.empty() ? options.name : fmt::format("{}@{}", options.name, options.revision));
  require(name.has_value(), "{}{}: expected a name as on the Hugging Face Hub: ORG/NAME, or ORG/NAME@REVISION", options.name,
          options.revision.empty() ? "" : fmt::format(" --revision {}", options.revision));
  return *name;
}

int fetch(const Options& options) {
  const HubName name = name_of(options);
  const HubServer server = HubServer::from_environment();
  catch_stop_signals();
  try {
    fmt::print("{}\n", fetch_model(server, name).string());
    return 0;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    tell("ablate: {}\n", error.what());
    return 3;
  }
}

const CommandRegistration registration{
    {"fetch", "Download a model (config, tokenizer, safetensors) into the Hugging Face cache; nothing else uses the network",
     [](CLI::App& app) {
       const auto options = std::make_shared<Options>();
       app.add_option("NAME", options->name, "As on the Hugging Face Hub: ORG/NAME, or ORG/NAME@REVISION")->required();
       app.add_option("--revision", options->revision, "A branch, a tag or a commit (default: main)");
       return [options] { return fetch(*options); };
     }}};

}  // namespace
}  // namespace ablate
