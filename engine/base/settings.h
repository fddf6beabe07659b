// One table of an experiment file, read by whoever understands its keys.
//
// A reader asks for the keys it knows; what nobody asked for is an error. Every answer, defaults included, is kept: that is the resolved
// configuration of the manifest. Parsing TOML is not done here (experiment/toml.cpp): lower layers see only this class.
#pragma once

#include "base/key_facts.h"
#include "base/value.h"

#include <functional>
#include <limits>
#include <memory>

namespace ablate {

class Settings {
 public:
  /// `path` is the dotted name of this table ("model"; "" for the whole file). `table` must hold a Value::Table; it is copied.
  explicit Settings(Value table, std::string path = "");

  /// Notes what readers say of the keys that they ask for, of sub-tables too. `records` must outlive this object and all made from it.
  void record(KeyRecords& records);

  bool has(const Key& key) const;

  /// The value of `key`, or `fallback` (recorded as the resolved value). T is bool, int, int64_t, double, std::string, or a std::vector of
  /// those; an integer is accepted where a number is wanted. Throws InputError "file.toml:12: model.norm_eps: expected a number, found a
  /// string".
  template <class T>
  T get(const Key& key, T fallback);
  std::string get(const Key& key, const char* fallback) { return get<std::string>(key, fallback); }

  /// The same for a key that must be there. Throws InputError naming the table and the key.
  template <class T>
  T get(const Key& key);

  /// A number within [low, high]; the error says the bounds.
  template <class T>
  T number(const Key& key, T fallback, T low, T high = std::numeric_limits<T>::max());

  /// One of `choices`; the error lists them.
  std::string choice(const Key& key, std::string fallback, const std::vector<std::string>& choices);

  /// Says which names `key` (a string or a list of them) can have, where whoever takes the name looks it up: for the records only. A file may
  /// define others.
  void known_names(std::string_view key, const std::vector<std::string>& names);

  /// The value as written, for keys that may hold several types; null if absent. Marks it as read, tables included.
  const Value* raw(const Key& key);

  /// Says that the value of `key` names these files (a folder counts as one): resolved() says so too (Value::files), so that what they
  /// hold can take the place of their names. Whoever reads a key that names a file calls this.
  void names_files(std::string_view key, std::vector<std::string> files);

  /// A sub-table (empty if absent) or an array of tables; they share this object's record of what was read.
  Settings table(const Key& key);
  std::vector<Settings> tables(const Key& key);

  /// The names of the keys that are given here, in the order written.
  std::vector<std::string> keys() const;
  /// The same for a table whose keys are names that the file makes up.
  std::vector<std::string> names();

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

/// A part of the experiment file and who understands it: `ablate check` reads every section that way, so that a mistake is found before a
/// run starts. `read` takes the whole file's Settings and asks for its own table ("train") there.
struct Section {
  std::string name;
  std::function<void(Settings& experiment)> read;
};

/// All sections, registered by the files that own them.
std::vector<Section>& sections();

struct SectionRegistration {
  explicit SectionRegistration(Section section) { sections().push_back(std::move(section)); }
};

}  // namespace ablate
