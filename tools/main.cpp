// The command line: finds the subcommand, turns exceptions into one line and an exit code.
#include "base/failure.h"
#include "base/terminal.h"
#include "command.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace ablate {

std::vector<Command>& commands() {
  static std::vector<Command> all;
  return all;
}

static int run(int argc, char** argv) {
  CLI::App app{"Transformer-ablation experiments on any Vulkan device."};
  app.name("ablate");
  app.require_subcommand(1);
  app.set_version_flag("--version", "ablate " ABLATE_VERSION, "Print the version and end");
  std::function<int()> action;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    sub->final_callback([&action, start = command.setup(*sub)] { action = start; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return action();
}

}  // namespace ablate

int main(int argc, char** argv) {
  ablate::open_standard_streams();
  try {
    const int code = ablate::run(argc, argv);
    ablate::finish_output();
    return code;
  } catch (...) {
    return ablate::tell_failure("ablate");
  }
}
