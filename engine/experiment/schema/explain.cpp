#include "experiment/schema/explain.h"

#include "base/error.h"
#include "experiment/run/kind.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ablate {
namespace {

using Type = KeyFacts::Type;
using Keys = std::map<std::string, KnownKey>;

std::string range(const KnownKey& key) {
  if (!key.low) return "";
  return key.high ? fmt::format(" from {:g} to {:g}", *key.low, *key.high) : fmt::format(" from {:g} up", *key.low);
}

std::string choices(const KnownKey& key) {
  if (key.choices.empty()) return "";
  return fmt::format(", one of {}{}", fmt::join(key.choices, ", "), key.others ? " or a name of the file's own" : "");
}

std::string describe(const KnownKey& key, Type type) {
  switch (type) {
    case Type::boolean: return "true or false";
    case Type::integer: return "an integer" + range(key);
    case Type::number: return "a number" + range(key);
    case Type::string: return "a string" + choices(key);
    case Type::booleans: return "a list of true and false";
    case Type::integers: return "a list of integers";
    case Type::numbers: return "a list of numbers";
    case Type::strings: return "a list of strings" + (key.types.contains(Type::string) ? "" : choices(key));
    case Type::table: return "a table";
    case Type::tables: return "an array of tables";
  }
  return "";
}

std::string default_of(const KnownKey& key) {
  if (!key.fallback || !key.fallback->as<std::string>()) return key.fallback ? "; default " + to_text(*key.fallback) : "";
  const std::string& text = *key.fallback->as<std::string>();
  return text.empty() ? "" : fmt::format("; default \"{}\"", text);
}

bool is_table(const KnownKey& key) { return key.types.contains(Type::table) || key.types.contains(Type::tables); }

std::string readers(const KnownKey& key) {
  std::string text;
  if (key.kinds.size() < ExperimentKinds::all().size()) text += fmt::format("\n  read where kind = {}", fmt::join(key.kinds, " or "));
  if (!key.where.empty()) text += fmt::format("\n  read with {}", fmt::join(key.where, ", or "));
  return text;
}

std::string own_text(const std::string& name, const KnownKey& key) {
  return fmt::format("{}: {}{}{}\n{}{}\n", name, describe_type(key), key.needed ? "; needed" : "", default_of(key),
                     key.help.empty() ? "" : "  " + key.help, readers(key));
}

std::string line(const std::string& name, const KnownKey& key, std::size_t width) {
  return fmt::format("  {:<{}}  {}\n", name, width, key.help.empty() ? describe_type(key) : key.help);
}

/// The keys directly below `prefix` ("train.", or "" for the top level).
std::string keys_below(const Keys& keys, const std::string& prefix) {
  std::vector<std::pair<std::string, const KnownKey*>> found;
  std::size_t width = 0;
  for (auto at = keys.lower_bound(prefix); at != keys.end() && at->first.starts_with(prefix); ++at) {
    const std::string key = at->first.substr(prefix.size());
    if (key.empty() || key.find('.') != key.npos) continue;
    found.emplace_back(key, &at->second), width = std::max(width, key.size());
  }
  std::string text;
  for (const auto& [key, known] : found) text += line(key, *known, width);
  return text;
}

}  // namespace

std::string known_name(const Keys& keys, const std::string& name) {
  std::string known;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t dot = std::min(name.find('.', begin), name.size());
    const auto above = keys.find(known);
    const bool made_up = !known.empty() && above != keys.end() && above->second.own_names;
    if (!known.empty()) known += ".";
    known += made_up ? "NAME" : name.substr(begin, dot - begin);
    begin = dot + 1;
  }
  return known;
}

std::string describe_type(const KnownKey& key) {
  std::vector<std::string> forms;
  for (const Type type : key.types) forms.push_back(describe(key, type));
  return forms.empty() ? "anything" : fmt::format("{}", fmt::join(forms, ", or "));
}

std::string explain(const Keys& keys, const std::string& name) {
  if (name.empty()) return keys_below(keys, "");
  const auto known = keys.find(known_name(keys, name));
  if (known == keys.end()) {
    std::vector<std::string> names;
    for (const auto& [key, unused] : keys) names.push_back(key);
    const std::string meant = nearest(name, names);
    bad_input("there is no key {}{}", name, meant.empty() ? "; `ablate explain` lists all tables" : "; did you mean " + meant + "?");
  }
  return own_text(known->first, known->second) + (is_table(known->second) ? keys_below(keys, known->first + ".") : "");
}

}  // namespace ablate
