// What is known of the keys of an experiment file, collected while their readers ask for them: `ablate schema` and `ablate explain` say it.
#pragma once

#include "base/value.h"

#include <optional>
#include <set>

namespace ablate {

/// A key as its reader calls it: the name, and one line on what it is for.
struct Key {
  std::string_view name;
  std::string_view help = {};

  Key(const char* name, const char* help = "") : name(name), help(help) {}
  Key(std::string_view name) : name(name) {}
  Key(const std::string& name) : name(name) {}
  operator std::string_view() const { return name; }
};

struct KeyFacts {
  enum class Type { boolean, integer, number, string, booleans, integers, numbers, strings, table, tables };

  std::set<Type> types;
  std::string help;
  std::optional<Value> fallback;     ///< where there is one
  bool needed = false;               ///< there is none
  std::vector<std::string> choices;  ///< of a string, or of each of a list
  bool others = false;               ///< beside the choices there may be names that the file itself defines
  std::optional<double> low, high;   ///< inclusive
  bool own_names = false;            ///< a table whose keys are names that the file makes up
};

/// By dotted name; a name that the file makes up is NAME (Settings::names).
using KeyRecords = std::map<std::string, KeyFacts>;

}  // namespace ablate
