#include "base/settings.h"

#include "base/error.h"

#include <algorithm>
#include <set>

namespace ablate {

struct Settings::Node {
  Value value;                               // a table: what was given
  std::string path;                          // "" for the whole file
  std::set<std::string, std::less<>> asked;  // keys that some reader knows
  std::map<std::string, Value, std::less<>> defaults;
  std::map<std::string, std::vector<std::string>, std::less<>> files;            // paths that the values of keys stand for
  std::map<std::string, std::vector<std::shared_ptr<Node>>, std::less<>> below;  // sub-tables and arrays of tables that were handed out
  KeyRecords* records = nullptr;
  std::string recorded_path;  // as `path`, with NAME for names that the file makes up
  bool made_up = false;       // its keys are such names

  const Value::Table& keys() const { return *value.as<Value::Table>(); }
  std::string name(std::string_view key) const { return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key); }

  const Value* find(std::string_view key) const {
    const auto at = keys().find(key);
    return at == keys().end() ? nullptr : &at->second;
  }

  const Value* ask(std::string_view key) {
    asked.emplace(key);
    return find(key);
  }

  const Value* ask(const Key& key) {
    if (KeyFacts* own = facts(key.name); own && !key.help.empty()) own->help = key.help;
    return ask(key.name);
  }

  std::string recorded_name(std::string_view key) const {
    if (made_up) key = "NAME";
    return recorded_path.empty() ? std::string(key) : fmt::format("{}.{}", recorded_path, key);
  }

  /// Null where nothing is recorded.
  KeyFacts* facts(std::string_view key) { return records ? &(*records)[recorded_name(key)] : nullptr; }

  std::shared_ptr<Node> make_below(std::string_view key, Value own) {
    auto node = std::make_shared<Node>();
    node->value = std::move(own);
    node->path = name(key);
    node->records = records;
    node->recorded_path = recorded_name(key);
    return node;
  }

  struct Unknown {
    std::uint64_t order;
    std::string message;
  };
  void collect_unknown(std::vector<Unknown>& unknown) const;
  std::string describe_unknown(const std::string& key, const Value& value) const;
};

namespace {

std::string place(const std::string& where, const std::string& name) { return where.empty() ? name : where + ": " + name; }

/// What a reader may ask for: how it is called, and how it is taken from a value (false: the value is something else).
template <class T>
struct Reader;

template <>
struct Reader<bool> {
  static constexpr KeyFacts::Type type = KeyFacts::Type::boolean, list = KeyFacts::Type::booleans;
  static constexpr const char* name = "true or false";
  static constexpr const char* plural = "true or false";
  static bool read(const Value& value, bool& out) {
    const bool* found = value.as<bool>();
    if (found) out = *found;
    return found;
  }
};

template <>
struct Reader<std::int64_t> {
  static constexpr KeyFacts::Type type = KeyFacts::Type::integer, list = KeyFacts::Type::integers;
  static constexpr const char* name = "an integer";
  static constexpr const char* plural = "integers";
  static bool read(const Value& value, std::int64_t& out) {
    const auto* found = value.as<std::int64_t>();
    if (found) out = *found;
    return found;
  }
};

template <>
struct Reader<int> {
  static constexpr KeyFacts::Type type = KeyFacts::Type::integer, list = KeyFacts::Type::integers;
  static constexpr const char* name = "an integer (of 32 bits)";
  static constexpr const char* plural = "integers (of 32 bits)";
  static bool read(const Value& value, int& out) {
    const auto* found = value.as<std::int64_t>();
    const bool fits = found && *found >= std::numeric_limits<int>::min() && *found <= std::numeric_limits<int>::max();
    if (fits) out = static_cast<int>(*found);
    return fits;
  }
};

template <>
struct Reader<double> {
  static constexpr KeyFacts::Type type = KeyFacts::Type::number, list = KeyFacts::Type::numbers;
  static constexpr const char* name = "a number";
  static constexpr const char* plural = "numbers";
  static bool read(const Value& value, double& out) {
    if (const auto* integer = value.as<std::int64_t>()) out = static_cast<double>(*integer);
    else if (const auto* number = value.as<double>()) out = *number;
    else return false;
    return true;
  }
};

template <>
struct Reader<std::string> {
  static constexpr KeyFacts::Type type = KeyFacts::Type::string, list = KeyFacts::Type::strings;
  static constexpr const char* name = "a string";
  static constexpr const char* plural = "strings";
  static bool read(const Value& value, std::string& out) {
    const auto* found = value.as<std::string>();
    if (found) out = *found;
    return found;
  }
};

template <class T>
void read(const Value& value, const std::string& where, T& out) {
  require(Reader<T>::read(value, out), "{}: expected {}, found {}", where, Reader<T>::name,
          value.as<std::int64_t>() ? to_text(value) : std::string(type_name(value)));
}

template <class T>
void read(const Value& value, const std::string& where, std::vector<T>& out) {
  const auto* array = value.as<Value::Array>();
  require(array, "{}: expected an array of {}, found {}", where, Reader<T>::plural, type_name(value));
  out.clear();
  for (const Value& item : *array) {
    T element{};
    require(Reader<T>::read(item, element), "{}: expected an array of {}, found {} in it", where, Reader<T>::plural, type_name(item));
    out.push_back(std::move(element));
  }
}

template <class T>
constexpr KeyFacts::Type type_of = Reader<T>::type;
template <class T>
constexpr KeyFacts::Type type_of<std::vector<T>> = Reader<T>::list;

Value to_value(bool value) { return {value, "default"}; }
Value to_value(int value) { return {static_cast<std::int64_t>(value), "default"}; }
Value to_value(std::int64_t value) { return {value, "default"}; }
Value to_value(double value) { return {value, "default"}; }
Value to_value(std::string value) { return {std::move(value), "default"}; }

template <class T>
Value to_value(const std::vector<T>& values) {
  Value::Array array;
  for (const T& value : values) array.push_back(to_value(value));
  return {std::move(array), "default"};
}

}  // namespace

Settings::Settings(Value table, std::string path) : node_(std::make_shared<Node>()) {
  require(table.as<Value::Table>(), "{}: expected a table, found {}", place(table.where, path), type_name(table));
  node_->value = std::move(table);
  node_->path = std::move(path);
}

Settings::Settings(std::shared_ptr<Node> node) : node_(std::move(node)) {}

void Settings::record(KeyRecords& records) { node_->records = &records; }

bool Settings::has(const Key& key) const { return node_->ask(key); }

template <class T>
T Settings::get(const Key& key, T fallback) {
  const Value* value = node_->ask(key);
  if (KeyFacts* facts = node_->facts(key.name)) {
    facts->types.insert(type_of<T>);
    if (!facts->fallback) facts->fallback = to_value(fallback);
  }
  if (value) {
    read(*value, where(key.name), fallback);
    return fallback;
  }
  node_->defaults.insert_or_assign(std::string(key.name), to_value(fallback));
  return fallback;
}

template <class T>
T Settings::get(const Key& key) {
  const Value* value = node_->ask(key);
  if (KeyFacts* facts = node_->facts(key.name)) {
    facts->types.insert(type_of<T>);
    facts->needed = facts->needed || !value;
  }
  require(value, "{}: this key is needed and missing", where(key.name));
  T out{};
  read(*value, where(key.name), out);
  return out;
}

template <class T>
T Settings::number(const Key& key, T fallback, T low, T high) {
  if (KeyFacts* facts = node_->facts(key.name)) {
    facts->low = static_cast<double>(low);
    if (high != std::numeric_limits<T>::max()) facts->high = static_cast<double>(high);
  }
  const T value = get<T>(key, fallback);
  if (value >= low && value <= high) return value;
  if (high == std::numeric_limits<T>::max()) bad_input("{}: expected at least {}, found {}", where(key.name), low, value);
  bad_input("{}: expected {} to {}, found {}", where(key.name), low, high, value);
}

#define ABLATE_SETTINGS_TYPE(T)                                                      \
  template T Settings::get<T>(const Key&, T);                                        \
  template T Settings::get<T>(const Key&);                                           \
  template std::vector<T> Settings::get<std::vector<T>>(const Key&, std::vector<T>); \
  template std::vector<T> Settings::get<std::vector<T>>(const Key&);
ABLATE_SETTINGS_TYPE(bool)
ABLATE_SETTINGS_TYPE(int)
ABLATE_SETTINGS_TYPE(std::int64_t)
ABLATE_SETTINGS_TYPE(double)
ABLATE_SETTINGS_TYPE(std::string)
#undef ABLATE_SETTINGS_TYPE
template int Settings::number<int>(const Key&, int, int, int);
template std::int64_t Settings::number<std::int64_t>(const Key&, std::int64_t, std::int64_t, std::int64_t);
template double Settings::number<double>(const Key&, double, double, double);

std::string Settings::choice(const Key& key, std::string fallback, const std::vector<std::string>& choices) {
  if (KeyFacts* facts = node_->facts(key.name)) facts->choices = choices;
  std::string value = get<std::string>(key, std::move(fallback));
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  bad_input("{}: expected one of {}; found \"{}\"", where(key.name), list, value);
}

void Settings::known_names(std::string_view key, const std::vector<std::string>& names) {
  KeyFacts* facts = node_->facts(key);
  if (facts) facts->choices = names, facts->others = true;
}

const Value* Settings::raw(const Key& key) {
  node_->facts(key.name);
  return node_->ask(key);
}

void Settings::names_files(std::string_view key, std::vector<std::string> files) {
  node_->files.insert_or_assign(std::string(key), std::move(files));
}

Settings Settings::table(const Key& key) {
  const Value* value = node_->ask(key);
  if (KeyFacts* facts = node_->facts(key.name)) facts->types.insert(KeyFacts::Type::table);
  require(!value || value->as<Value::Table>(), "{}: expected a table, found {}", where(key.name), value ? type_name(*value) : "nothing");
  std::vector<std::shared_ptr<Node>>& below = node_->below[std::string(key.name)];
  if (below.empty()) below.push_back(node_->make_below(key.name, value ? *value : Value{Value::Table{}, node_->value.where}));
  return Settings(below[0]);
}

std::vector<Settings> Settings::tables(const Key& key) {
  const Value* value = node_->ask(key);
  if (KeyFacts* facts = node_->facts(key.name)) facts->types.insert(KeyFacts::Type::tables);
  if (!value) return {};
  const auto* array = value->as<Value::Array>();
  require(array, "{}: expected an array of tables ([[{}]]), found {}", where(key.name), node_->name(key.name), type_name(*value));
  std::vector<std::shared_ptr<Node>>& below = node_->below[std::string(key.name)];
  for (std::size_t i = below.size(); i < array->size(); ++i) {
    const Value& item = (*array)[i];
    require(item.as<Value::Table>(), "{}: expected an array of tables, found {} in it", where(key.name), type_name(item));
    below.push_back(node_->make_below(key.name, item));
  }
  std::vector<Settings> tables;
  for (const auto& node : below) tables.push_back(Settings(node));
  return tables;
}

std::vector<std::string> Settings::keys() const {
  std::vector<std::pair<std::uint64_t, std::string>> ordered;
  for (const auto& [key, value] : node_->keys()) ordered.emplace_back(value.order, key);
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::string> keys;
  for (auto& [order, key] : ordered) keys.push_back(std::move(key));
  return keys;
}

std::vector<std::string> Settings::names() {
  node_->made_up = true;
  if (node_->records && !node_->recorded_path.empty()) (*node_->records)[node_->recorded_path].own_names = true;
  return keys();
}

std::string Settings::where(std::string_view key) const {
  const Value* value = node_->find(key);
  return place(value ? value->where : node_->value.where, node_->name(key));
}

const std::string& Settings::path() const { return node_->path; }

std::string Settings::Node::describe_unknown(const std::string& key, const Value& value) const {
  const std::vector<std::string> known(asked.begin(), asked.end());
  const std::string meant = nearest(key, known);
  std::string hint;
  if (!meant.empty()) hint = fmt::format("; did you mean {}?", meant);
  else if (known.empty()) hint = "; nothing is expected here";
  else {
    for (const std::string& name : known) hint += (hint.empty() ? "; expected one of " : ", ") + name;
  }
  return fmt::format("{}: unknown key{}", place(value.where, name(key)), hint);
}

void Settings::Node::collect_unknown(std::vector<Unknown>& unknown) const {
  for (const auto& [key, value] : keys()) {
    if (!asked.count(key)) unknown.push_back({value.order, describe_unknown(key, value)});
  }
  for (const auto& [key, nodes] : below) {
    for (const auto& node : nodes) node->collect_unknown(unknown);
  }
}

void Settings::reject_unused() const {
  std::vector<Node::Unknown> unknown;
  node_->collect_unknown(unknown);
  const auto first = std::min_element(unknown.begin(), unknown.end(), [](const auto& a, const auto& b) { return a.order < b.order; });
  if (first != unknown.end()) throw InputError(first->message);
}

Value Settings::resolved() const {
  Value result = node_->value;
  auto& keys = *result.as<Value::Table>();
  for (const auto& [key, value] : node_->defaults) keys.try_emplace(key, value);
  for (const auto& [key, files] : node_->files)
    if (const auto at = keys.find(key); at != keys.end()) at->second.files = files;
  for (const auto& [key, nodes] : node_->below) {
    const auto given = keys.find(key);
    if (given != keys.end() && given->second.as<Value::Array>()) {
      for (std::size_t i = 0; i < nodes.size(); ++i) (*given->second.as<Value::Array>())[i] = Settings(nodes[i]).resolved();
    } else if (Value table = Settings(nodes[0]).resolved(); given != keys.end() || !table.as<Value::Table>()->empty()) {
      keys.insert_or_assign(key, std::move(table));
    }
  }
  return result;
}

std::vector<Section>& sections() {
  static std::vector<Section> all;
  return all;
}

}  // namespace ablate
