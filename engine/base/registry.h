#pragma once

#include "base/error.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ablate {

/// Entries of maps of names that last as long as this object: what one point of an experiment brings ends with the point. What a name stood
/// for before comes back, the last entry first; so of several scopes that live at once, the last made ends first.
class RegistrationScope {
 public:
  RegistrationScope() = default;
  ~RegistrationScope() { end(); }
  RegistrationScope(RegistrationScope&& other) noexcept : undo_(std::exchange(other.undo_, {})) {}
  RegistrationScope& operator=(RegistrationScope&& other) noexcept {
    if (this != &other) {
      end();
      undo_ = std::exchange(other.undo_, {});
    }
    return *this;
  }

  /// `map` must outlive this object.
  template <class Map>
  void set(Map& map, const std::string& name, typename Map::mapped_type value) {
    const auto at = map.find(name);
    undo_.push_back([&map, name, before = at == map.end() ? std::nullopt : std::optional(at->second)] {
      if (before) map.insert_or_assign(name, *before);
      else map.erase(name);
    });
    map.insert_or_assign(name, std::move(value));
  }

 private:
  void end() {
    for (; !undo_.empty(); undo_.pop_back()) undo_.back()();
  }
  std::vector<std::function<void()>> undo_;
};

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

  static std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& [name, maker] : all()) names.push_back(name);
    return names;
  }

  static std::map<std::string, Maker>& all() {
    static std::map<std::string, Maker> makers;
    return makers;
  }
};

}  // namespace ablate
