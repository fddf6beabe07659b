#include "probe/intervention_settings.h"

#include "base/error.h"
#include "base/paths.h"
#include "probe/presets/preset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace ablate {
namespace {

using V = ActionRule::Value;

//                                      channels tokens largest heads  value     statistics
constexpr std::array<ActionRule, 10> rules = {{{"zero", true, true, true, true, V::none, false},
                                               {"scale", true, true, true, true, V::number, false},
                                               {"set", true, true, true, true, V::numbers, true},
                                               {"mean", true, true, true, true, V::none, true},
                                               {"clamp", true, true, true, true, V::number, false},
                                               {"project_out", true, true, false, true, V::numbers, true},
                                               {"skip", false, true, true, false, V::none, false},
                                               {"mask_key", false, true, false, true, V::none, false},
                                               {"norm", false, false, false, false, V::norm, false},
                                               {"quantize", false, false, false, false, V::none, true}}};

const std::vector<std::string> keys{"at", "do", "channels", "tokens", "heads", "value", "statistics"};

std::string names_for(std::string_view key) {
  return key == "channels" ? "\"all\", \"spike\"" : key == "tokens" ? "\"all\", \"spike\", \"largest\"" : "\"all\"";
}

void read_name(Settings& settings, const std::string& key, Indices& indices) {
  const std::string name = settings.get<std::string>(key);
  const bool known = name == "all" || (name == "spike" && key != "heads") || (name == "largest" && key == "tokens");
  require(known, "{}: expected an index, a list of them, or {}, found \"{}\"", settings.where(key), names_for(key), name);
  indices.all = name == "all";
  if (!indices.all) indices.found = name;
}

Indices read_indices(Settings& settings, const Key& key) {
  Indices indices;
  const Value* value = settings.raw(key);
  if (!value) return indices;
  indices.all = false;
  if (value->as<std::string>()) {
    read_name(settings, std::string(key.name), indices);
    return indices;
  }
  if (value->as<Value::Array>()) indices.list = settings.get<std::vector<int>>(key);
  else indices.list = {settings.get<int>(key)};
  require(!indices.list.empty(), "{}: the list is empty", settings.where(key));
  std::set<int> seen;
  for (const int index : indices.list) {
    require(index >= 0, "{}: expected indices from 0 up, found {}", settings.where(key), index);
    require(seen.insert(index).second, "{}: {} is listed twice", settings.where(key), index);
  }
  return indices;
}

std::vector<std::string> read_hooks(Settings& settings) {
  const Value* value = settings.raw({"at", "hook points, by name or pattern, one or a list (`ablate hooks` lists them)"});
  if (!value || !value->as<Value::Array>())
    return {settings.get<std::string>({"at", "hook points, by name or pattern, one or a list (`ablate hooks` lists them)"})};
  const auto list = settings.get<std::vector<std::string>>("at");
  require(!list.empty(), "{}: the list is empty", settings.where("at"));
  return list;
}

void read_value(Settings& settings, InterventionSettings& in) {
  const Value* value = settings.raw({"value", "a number, one per channel, or the name of a norm, as the action needs"});
  if (!value) return;
  if (value->as<std::string>())
    in.name = settings.get<std::string>({"value", "a number, one per channel, or the name of a norm, as the action needs"});
  else if (value->as<Value::Array>()) in.value = settings.get<std::vector<double>>("value");
  else in.value = {settings.get<double>("value")};
  // "set" may put in what is not finite: to see what becomes of it.
  for (const double number : in.value)
    require(in.action == "set" || std::isfinite(number), "{}: expected a finite number, found {}", in.where("value"), number);
}

std::string taken_keys(const ActionRule& rule) {
  std::string text = "at";
  for (const auto& [taken, key] : {std::pair{rule.channels, "channels"},
                                   {rule.tokens, "tokens"},
                                   {rule.heads, "heads"},
                                   {rule.value != V::none, "value"},
                                   {rule.statistics, "statistics"}})
    if (taken) text += fmt::format(", {}", key);
  if (rule.name == "quantize")
    for (const std::string& key : QuantizationSettings::keys()) text += ", " + key;
  return text;
}

void check_value(const InterventionSettings& in, const ActionRule& rule, bool given) {
  const std::string& where = in.where("value");
  const auto needs = [&](bool there, const char* what) { require(there, "{}: do = \"{}\" needs {}", where, in.action, what); };
  if (rule.value == V::norm) return needs(!in.name.empty(), "the name of a norm");
  require(in.name.empty(), "{}: do = \"{}\" expects a number, found \"{}\"", where, in.action, in.name);
  require(!given || in.statistics.empty(), "{}: value and statistics say two things; give one of them", in.where("statistics"));
  if (rule.value == V::number) needs(in.value.size() == 1, "one number");
  if (rule.value == V::numbers) needs(!in.value.empty() || !in.statistics.empty(), "numbers, or a statistics file");
  if (in.action == "clamp") needs(in.value[0] >= 0, "a bound of 0 or more");
  const bool per_channel = in.value.size() > 1 && !in.channels.list.empty();
  require(!per_channel || in.value.size() == in.channels.list.size(), "{}: {} values for {} channels", where, in.value.size(),
          in.channels.list.size());
}

/// What each action needs and cannot take.
void check(Settings& settings, const InterventionSettings& in) {
  const ActionRule& rule = in.rule();
  const auto takes = [&](bool taken, const char* key) {
    require(taken || !settings.has(key), "{}: do = \"{}\" takes no {}; its keys are {}", in.where(key), in.action, key, taken_keys(rule));
  };
  takes(rule.channels, "channels");
  takes(rule.tokens, "tokens");
  takes(rule.heads, "heads");
  takes(rule.value != V::none, "value");
  takes(rule.statistics, "statistics");
  require(rule.largest || in.tokens.found != "largest", "{}: do = \"{}\" cannot act on the \"largest\" token", in.where("tokens"),
          in.action);
  require(in.channels.all || in.heads.all, "{}: channels and heads both say which channels; give one of them", in.where("heads"));
  if (in.action == "mask_key") require(!in.tokens.all, "{}: do = \"mask_key\" needs the keys to mask", in.where("tokens"));
  check_value(in, rule, settings.has("value"));
  require(in.statistics.empty() || !in.quantization || in.quantization->static_range, "{}: a dynamic range needs no statistics",
          in.where("statistics"));
}

// A table with a preset as it is written; what it names is known to be files.
Value preset_table(Settings& table) {
  Value::Table given;
  for (const std::string& key : table.keys()) given[key] = *table.raw(key);
  const auto statistics = given.find("statistics");
  if (statistics != given.end() && !to_text(statistics->second).starts_with("@"))
    read_path(table, {"statistics", "file of recorded means, or @ID for those of another point of the run"});
  return {std::move(given), "", 0, {}};
}

const SectionRegistration registration{{"intervention", [](Settings& experiment) { InterventionSettings::all(experiment); }}};

}  // namespace

std::span<const ActionRule> action_rules() { return rules; }

const ActionRule& InterventionSettings::rule() const {
  return *std::find_if(rules.begin(), rules.end(), [&](const ActionRule& rule) { return rule.name == action; });
}

InterventionSettings InterventionSettings::from(Settings& s) {
  InterventionSettings in;
  for (const std::vector<std::string>& own : {keys, QuantizationSettings::keys()})
    for (const std::string& key : own) in.places[key] = s.where(key);
  in.at = read_hooks(s);
  std::vector<std::string> actions;
  for (const ActionRule& rule : rules) actions.emplace_back(rule.name);
  s.get<std::string>({"do", "the action"});
  in.action = s.choice({"do", "the action"}, "", actions);
  in.channels = read_indices(s, {"channels", "channels acted on: an index, a list, \"spike\" or \"all\""});
  in.tokens = read_indices(s, {"tokens", "positions acted on: an index, a list, \"spike\", \"largest\" or \"all\""});
  in.heads = read_indices(s, {"heads", "heads acted on: an index, a list or \"all\""});
  read_value(s, in);
  in.statistics = s.get({"statistics", "file of recorded means, or @ID for those of another point of the run"}, in.statistics);
  if (!in.statistics.starts_with("@")) in.statistics = read_path(s, "statistics").string();
  if (in.action == "quantize") in.quantization = QuantizationSettings::from(s);
  check(s, in);
  return in;
}

std::vector<InterventionSettings> InterventionSettings::all(Settings& experiment) {
  std::vector<InterventionSettings> all;
  for (Settings& table : experiment.tables("intervention")) {
    table.known_names("preset", QuantizationPresets::names());
    if (!table.has({"preset", "quantization that the literature calls by a name, in place of all keys but except_tokens and statistics"})) {
      all.push_back(from(table));
      continue;
    }
    table.get<std::string>("preset");
    for (Value& one : expand_preset(preset_table(table))) {
      Settings expanded(std::move(one), table.path());
      all.push_back(from(expanded));
    }
  }
  return all;
}

}  // namespace ablate
