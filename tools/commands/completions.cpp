// `ablate completions SHELL`: what a shell needs to complete commands, options and files. Made from the commands' own declarations.
#include "base/error.h"
#include "command.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace ablate {
namespace {

struct Described {
  std::string name, help;
};

struct Completed {
  std::string name, help;
  std::vector<Described> options;
};

std::vector<Completed> completed_commands() {
  std::vector<Completed> all;
  for (const Command& command : commands()) {
    CLI::App app;
    command.setup(app);
    Completed own{command.name, command.help, {}};
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames())
        if (!option->get_group().empty()) own.options.push_back({"--" + name, option->get_description()});
    all.push_back(std::move(own));
  }
  std::sort(all.begin(), all.end(), [](const Completed& a, const Completed& b) { return a.name < b.name; });
  return all;
}

template <class List>
std::string names_of_all(const List& list) {
  std::vector<std::string> names;
  for (const auto& item : list) names.push_back(item.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash() {
  const auto all = completed_commands();
  std::string cases;
  for (const Completed& command : all) cases += fmt::format("    {}) options=\"{}\" ;;\n", command.name, names_of_all(command.options));
  return fmt::format(R"(# For bash: ablate completions bash > ~/.local/share/bash-completion/completions/ablate
_ablate() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} options=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _ablate ablate
)",
                     names_of_all(all), cases);
}

std::string zsh() {
  std::string script = bash();
  script.erase(0, script.find('\n') + 1);
  return "#compdef ablate\n# For zsh: ablate completions zsh > FOLDER_OF_FPATH/_ablate\nautoload -U +X bashcompinit && bashcompinit\n" +
         script;
}

/// In single quotes, as fish reads them.
std::string quoted(std::string text) {
  for (std::size_t at = text.find('\''); at != text.npos; at = text.find('\'', at + 2)) text.insert(at, 1, '\\');
  return "'" + text + "'";
}

std::string fish() {
  std::string script = "# For fish: ablate completions fish > ~/.config/fish/completions/ablate.fish\n";
  for (const Completed& command : completed_commands()) {
    script += fmt::format("complete -c ablate -f -n __fish_use_subcommand -a {} -d {}\n", command.name, quoted(command.help));
    for (const Described& option : command.options)
      script += fmt::format("complete -c ablate -n '__fish_seen_subcommand_from {}' -l {} -d {}\n", command.name, option.name.substr(2),
                            quoted(option.help));
  }
  return script;
}

const CommandRegistration registration{
    {"completions", "Print a shell's completions of commands and options: bash, zsh or fish", [](CLI::App& app) {
       auto shell = std::make_shared<std::string>();
       app.add_option("shell", *shell, "bash, zsh or fish")->required();
       return [shell] {
         const bool known = *shell == "bash" || *shell == "zsh" || *shell == "fish";
         require(known, "{}: expected bash, zsh or fish", *shell);
         fmt::print("{}", *shell == "bash" ? bash() : *shell == "zsh" ? zsh() : fish());
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
