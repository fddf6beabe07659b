// One table of an experiment file, read by whoever understands its keys.
//
// A reader asks for the keys it knows; what nobody asked for is an error. Every answer, defaults included, is kept: that is the resolved
// configuration of the manifest. Parsing TOML is not done here (experiment/toml.cpp): lower layers see only this class.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ablate {

/// A value of an experiment file with the place it came from ("file.toml:12", "--set", or "default").
struct Value {
  using Array = std::vector<Value>;
  using Table = std::map<std::string, Value, std::less<>>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Table> data;
  std::string where;
};

class Settings {
 public:
  /// `path` is the dotted name of this table ("model"; "" for the whole file); `table` must be a Value::Table and outlive nothing: it is copied.
  explicit Settings(Value table, std::string path = "");

  bool has(std::string_view key) const;

  /// The value of `key`, or `fallback` (recorded as the resolved value). T is bool, int64_t, int, double, std::string, or a std::vector of
  /// those; an integer is accepted where a double is wanted. Throws InputError "file.toml:12: model.norm_eps: expected a number, found a string".
  template <class T>
  T get(std::string_view key, T fallback);

  /// The same for a key that must be there. Throws InputError naming the table and the key.
  template <class T>
  T get(std::string_view key);

  /// One of `choices`; the error lists them.
  std::string choice(std::string_view key, std::string fallback, const std::vector<std::string>& choices);

  /// A sub-table (empty if absent) or an array of tables; they share this object's record of what was read.
  Settings table(std::string_view key);
  std::vector<Settings> tables(std::string_view key);

  /// "file.toml:12: model.norm" for messages about `key`.
  std::string where(std::string_view key) const;
  const std::string& path() const;

  /// Throws InputError for the first key (sub-tables included) that nobody asked for, naming its place and the nearest known key.
  void reject_unused() const;

  /// This table as resolved so far: given values, and defaults that were used.
  Value resolved() const;

 private:
  struct Node;
  explicit Settings(std::shared_ptr<Node> node);
  std::shared_ptr<Node> node_;
};

}  // namespace ablate
