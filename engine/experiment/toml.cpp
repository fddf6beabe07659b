#include "experiment/toml.h"

#include "base/error.h"

#include <toml++/toml.h>

#include <algorithm>

namespace ablate {
namespace {

class Converter {
 public:
  Converter(std::string name, std::uint64_t order) : name_(std::move(name)), order_(order) {}

  Value table(const toml::table& table, std::string where) {
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.first->source().begin < b.first->source().begin; });

    Value result{Value::Table{}, std::move(where), order_++};
    for (const auto& [key, node] : entries) {
      result.as<Value::Table>()->emplace(std::string(key->str()), value(*node, place(key->source()), key->str()));
    }
    return result;
  }

 private:
  std::string place(const toml::source_region& source) const { return fmt::format("{}:{}", name_, source.begin.line); }

  Value value(const toml::node& node, std::string where, std::string_view key) {
    if (const auto* found = node.as_table()) return table(*found, std::move(where));
    if (const auto* found = node.as_array()) {
      Value result{Value::Array{}, std::move(where), order_++};
      for (const toml::node& item : *found) result.as<Value::Array>()->push_back(value(item, place(item.source()), key));
      return result;
    }
    Value result{{}, std::move(where), order_++};
    if (const auto* found = node.as_boolean()) result.data = found->get();
    else if (const auto* found = node.as_integer()) result.data = found->get();
    else if (const auto* found = node.as_floating_point()) result.data = found->get();
    else if (const auto* found = node.as_string()) result.data = found->get();
    else bad_input("{}: {}: expected a string, a number, true or false, an array or a table, found a date or time", result.where, key);
    return result;
  }

  std::string name_;
  std::uint64_t order_;
};

/// toml++ says where in the text; its descriptions may span lines.
[[noreturn]] void rethrow(const toml::parse_error& error, const std::string& name) {
  std::string what(error.description());
  std::replace(what.begin(), what.end(), '\n', ' ');
  bad_input("{}:{}: not TOML: {}", name, error.source().begin.line, what);
}

}  // namespace

Value parse_toml(std::string_view text, const std::string& name, std::uint64_t first_order) {
  try {
    return Converter(name, first_order).table(toml::parse(text), name);
  } catch (const toml::parse_error& error) {
    rethrow(error, name);
  }
}

Assignment parse_assignment(std::string_view text) {
  const std::size_t equals = text.find('=');
  require(equals != text.npos && equals > 0, "--set {}: expected key=value", text);
  const std::string key(text.substr(0, equals)), value(text.substr(equals + 1));
  Value parsed{value, "--set"};
  try {
    const toml::table table = toml::parse("value = " + value);
    if (table.size() == 1) {
      const Value whole = Converter("--set", 0).table(table, "--set");
      parsed = whole.as<Value::Table>()->at("value");
    }
  } catch (const toml::parse_error&) {
    // A bare word is a string.
  }
  parsed.where = "--set";
  return {key, std::move(parsed)};
}

}  // namespace ablate
