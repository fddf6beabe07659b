// A value of an experiment file: what TOML can say, with the place it was said.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ablate {

struct Value {
  using Array = std::vector<Value>;
  using Table = std::map<std::string, Value, std::less<>>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Table> data;
  std::string where;        ///< "file.toml:12", "--set" or "default"
  std::uint64_t order = 0;  ///< ascending as written: a Table sorts its keys by name, a sweep wants them as the author put them
  /// Paths of the files (or folders) that this text names, where a reader has said that it does: what they hold counts, not their names.
  std::vector<std::string> files = {};

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  template <class T>
  T* as() {
    return std::get_if<T>(&data);
  }
};

/// Same type and content; places do not count.
bool same(const Value& a, const Value& b);

/// "a string", "an integer", "a table", ...: for messages.
std::string_view type_name(const Value& value);

/// As TOML would write it, strings without quotes at the top level: for labels and messages.
std::string to_text(const Value& value);

/// The value at a dotted name ("model.d_model") below `table`, or null.
const Value* find(const Value& table, std::string_view dotted);

/// Puts `value` at a dotted name below `table`, making the tables on the way. Throws InputError where a table is needed and something else
/// stands.
void assign(Value& table, std::string_view dotted, Value value);

/// Takes a dotted name out of `table` if it is there.
void erase(Value& table, std::string_view dotted);

/// Lays `over` on `table` key by key; two tables merge, anything else replaces.
void merge(Value& table, const Value& over);

/// The member of `known` closest to `word` by edit distance, "" if none is close enough to have been meant.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace ablate
