// `ablate new KIND NAME`: a commented, working file to start from.
#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "templates.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <set>

namespace ablate {
namespace {

namespace fs = std::filesystem;

/// NAME, wherever it stands, becomes `name`.
std::string named(std::string text, const std::string& name) {
  for (std::size_t at = text.find("NAME"); at != text.npos; at = text.find("NAME", at + name.size())) text.replace(at, 4, name);
  return text;
}

void require_name(const std::string& name) {
  const auto usual = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const bool fits = !name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::all_of(name.begin(), name.end(), usual) &&
                    name.find("__") == name.npos && name.back() != '_';
  require(fits, "\"{}\": expected a name of small letters, digits and single \"_\", such as my_norm", name);
}

int write_files(const std::string& kind, const std::string& name) {
  require_name(name);
  std::set<std::string> kinds;
  std::vector<std::pair<fs::path, std::string>> files;
  for (const Template& file : templates()) {
    kinds.insert(file.kind);
    if (file.kind == kind) files.emplace_back(named(file.name, name), named(file.text, name));
  }
  require(!files.empty(), "\"{}\": expected one of {}", kind, fmt::join(kinds, ", "));
  std::error_code none;
  for (const auto& [path, text] : files)
    require(!fs::exists(fs::symlink_status(path, none)), "{} is there already; nothing was written", path.string());
  for (const auto& [path, text] : files) {
    write_atomically(path, text);
    fmt::print("{}\n", path.string());
  }
  return 0;
}

const CommandRegistration registration{
    {"new", "Write a commented, working experiment to start from: probe, train or norm", [](CLI::App& app) {
       auto kind = std::make_shared<std::string>(), name = std::make_shared<std::string>();
       app.add_option("kind", *kind, "What it is: probe, train or norm")->required();
       app.add_option("name", *name, "What it is called: NAME.toml is written to this folder")->required();
       return [kind, name] { return write_files(*kind, *name); };
     }}};

}  // namespace
}  // namespace ablate
