// A subcommand of the `ablate` program. A file in tools/commands registers its own; no list is edited.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ablate {

/// `setup` declares the options on its CLI::App and returns what runs when the subcommand was chosen; that returns the exit code.
struct Command {
  std::string name;
  std::string help;
  std::function<std::function<int()>(CLI::App&)> setup;
};

std::vector<Command>& commands();

struct CommandRegistration {
  explicit CommandRegistration(Command command) { commands().push_back(std::move(command)); }
};

}  // namespace ablate
