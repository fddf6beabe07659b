#include "experiment/schema/known_keys.h"

#include "base/error.h"
#include "experiment/plan.h"
#include "experiment/readers.h"
#include "experiment/run/kind.h"
#include "ops/user/user_shader.h"
#include "results/claim.h"

#include <algorithm>
#include <deque>

namespace ablate {
namespace {

using Type = KeyFacts::Type;

/// Puts `value` at a dotted name, where an array of tables stands for its only table.
void put(Value& table, std::string_view dotted, const Value& value) {
  const std::size_t dot = dotted.find('.');
  auto& keys = *table.as<Value::Table>();
  if (dot == dotted.npos) {
    keys.insert_or_assign(std::string(dotted), value);
    return;
  }
  Value& below = keys[std::string(dotted.substr(0, dot))];
  if (auto* list = below.as<Value::Array>(); list && !list->empty() && list->front().as<Value::Table>())
    put(list->front(), dotted.substr(dot + 1), value);
  else {
    if (!below.as<Value::Table>()) below.data = Value::Table{};
    put(below, dotted.substr(dot + 1), value);
  }
}

Value as_choice(const KeyFacts& facts, const std::string& choice) {
  const Value name{choice, "schema"};
  return facts.types.contains(Type::strings) && !facts.types.contains(Type::string) ? Value{Value::Array{name}, "schema"} : name;
}

/// Values that make readers go on, whatever they are good for.
std::vector<Value> any_values(const KeyFacts& facts) {
  const Value text{std::string("x.bin"), "schema"}, name{std::string("x"), "schema"}, number{std::int64_t{1}, "schema"},
      table{Value::Table{}, "schema"};
  if (facts.types.contains(Type::tables)) return {{Value::Array{table}, "schema"}};
  if (facts.types.contains(Type::table)) return {table};  // some readers ask whether it is there
  if (facts.types.contains(Type::boolean)) return {{true, "schema"}, {false, "schema"}};
  if (!facts.types.empty() && !facts.needed) return {};
  if (facts.types.contains(Type::string)) return {text, name, {Value::Array{text}, "schema"}};  // one or a list, perhaps
  if (facts.types.contains(Type::strings)) return {{Value::Array{text}, "schema"}};
  if (!facts.types.empty()) return {number};
  return {text, number, {Value::Array{number}, "schema"}, {Value::Array{text}, "schema"}, table, {Value::Array{table}, "schema"}};
}

/// An experiment that is read for the sake of its readers.
struct Attempt {
  std::string kind;
  Value table;
  std::vector<std::string> choices;  ///< that it was made for, the last one last

  std::string where() const { return choices.empty() ? "" : choices.back(); }
};

class Search {
 public:
  std::map<std::string, KnownKey> run() {
    for (const auto& [kind, unused] : ExperimentKinds::all()) attempts_.push_back({kind, {Value::Table{}, "schema"}, {}});
    for (; !attempts_.empty(); attempts_.pop_front()) read(attempts_.front());
    return std::move(keys_);
  }

 private:
  void read(const Attempt& attempt) {
    Settings settings(attempt.table);
    KeyRecords records;
    settings.record(records);
    const auto ask = [](const auto& reader) {
      try {
        reader();
      } catch (const InputError&) {  // what it asked for before counts
      }
    };
    RegistrationScope shaders;
    ask([&] { shaders = read_user_shaders(settings); });
    for (const PointReader& reader : point_readers(attempt.kind)) ask([&] { reader(settings); });
    for (const auto& [name, facts] : records) note(attempt, name, facts);
  }

  void note(const Attempt& attempt, const std::string& name, const KeyFacts& facts) {
    const bool first = !keys_.contains(name);
    KnownKey& key = keys_[name];
    if (first) static_cast<KeyFacts&>(key) = facts;
    key.types.insert(facts.types.begin(), facts.types.end());
    if (key.help.empty()) key.help = facts.help;
    if (!key.fallback) key.fallback = facts.fallback;
    if (key.choices.size() < facts.choices.size()) key.choices = facts.choices, key.others = facts.others;
    if (!key.low) key.low = facts.low;
    if (!key.high) key.high = facts.high;
    key.needed = key.needed || facts.needed;
    key.own_names = key.own_names || facts.own_names;
    key.kinds.insert(attempt.kind);
    note_where(attempt, name, key);
    for (const std::string& choice : facts.choices) attempt_with(attempt, name, as_choice(facts, choice), true);
    for (const Value& value : any_values(facts)) attempt_with(attempt, name, value, false);
    if (facts.own_names) attempt_with(attempt, name + ".NAME", {Value::Table{}, "schema"}, false);
  }

  /// Only where one choice alone is enough: what hangs on several is the readers' to say.
  void note_where(const Attempt& attempt, const std::string& name, KnownKey& key) {
    if (attempt.choices.empty()) always_.insert(name), key.where.clear();
    const bool decides = attempt.choices.size() == 1 && !attempt.where().starts_with(name + " ");
    if (decides && !always_.contains(name)) key.where.insert(attempt.where());
  }

  void attempt_with(const Attempt& base, const std::string& name, const Value& value, bool is_choice) {
    // What only a choice makes readers ask for is tried with each such choice.
    const std::string context = is_choice || always_.contains(name) ? "" : base.where();
    if (!attempted_.insert(fmt::format("{} {} {} = {}", base.kind, context, name, to_text(value))).second) return;
    Attempt next = base;
    put(next.table, name, value);
    if (is_choice)
      next.choices.push_back(fmt::format("{} = {}", name, value.as<Value::Array>() ? to_text(value) : "\"" + to_text(value) + "\""));
    attempts_.push_back(std::move(next));
  }

  std::map<std::string, KnownKey> keys_;
  std::set<std::string> always_, attempted_;
  std::deque<Attempt> attempts_;
};

void add_file_keys(std::map<std::string, KnownKey>& keys) {
  for (const auto& [key, type] : file_keys()) {
    KnownKey& own = keys[std::string(key.name)];
    own.types = {type}, own.help = key.help;
    for (const auto& [kind, unused] : ExperimentKinds::all()) {
      own.kinds.insert(kind);
      if (key.name == "kind") own.choices.push_back(kind), own.needed = true;
    }
  }
}

void add_claim_keys(std::map<std::string, KnownKey>& keys) {
  Value table{Value::Table{}, "schema"};
  KeyRecords records;
  for (const char* needed : {"text", "holds"}) {
    Settings claim(table, "claim");
    claim.record(records);
    try {
      read_claim(claim);
    } catch (const InputError&) {  // it lacks what comes next
      put(table, needed, {std::string("x"), "schema"});
    }
  }
  Settings whole(table, "claim");
  whole.record(records);
  read_claim(whole);
  for (const auto& [name, facts] : records) {
    KnownKey& own = keys["claim." + name];
    static_cast<KeyFacts&>(own) = facts;
    own.kinds = keys["claim"].kinds;
  }
}

}  // namespace

std::map<std::string, KnownKey> known_keys() {
  std::map<std::string, KnownKey> keys = Search().run();
  add_file_keys(keys);
  add_claim_keys(keys);
  return keys;
}

}  // namespace ablate
