#pragma once

#include "base/error.h"

#include <map>
#include <string>

namespace ablate {

/// Things a TOML file can name, by name. An op file registers its own; no list is edited.
template <class Maker>
class Registry {
 public:
  struct Registration {
    Registration(const std::string& name, Maker maker) { all()[name] = std::move(maker); }
  };

  static bool has(const std::string& name) { return all().contains(name); }

  /// Throws InputError listing the known names.
  static const Maker& find(const std::string& what, const std::string& name) {
    const auto found = all().find(name);
    if (found != all().end()) return found->second;
    std::string known;
    for (const auto& [other, maker] : all()) known += (known.empty() ? "" : ", ") + other;
    bad_input("{} \"{}\" is not known; there are {}", what, name, known);
  }

  static std::map<std::string, Maker>& all() {
    static std::map<std::string, Maker> makers;
    return makers;
  }
};

}  // namespace ablate
