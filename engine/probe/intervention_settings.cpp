#include "probe/intervention_settings.h"

#include "base/error.h"
#include "base/paths.h"

#include <algorithm>

namespace ablate {
namespace {

const std::vector<std::string> actions{"zero", "scale", "set", "mean", "clamp", "project_out", "skip", "mask_key", "norm"};

Indices read_indices(Settings& settings, std::string_view key) {
  Indices indices;
  const Value* value = settings.raw(key);
  if (!value) return indices;
  indices.all = false;
  if (const auto* one = value->as<std::int64_t>()) {
    indices.list = {settings.get<int>(key)};
    require(*one >= 0, "{}: expected an index from 0 up, found {}", settings.where(key), *one);
  } else if (const auto* name = value->as<std::string>()) {
    indices.all = *name == "all";
    if (!indices.all)
      indices.found = key == "tokens" ? settings.choice(key, "", {"all", "spike", "largest"}) : settings.choice(key, "", {"all", "spike"});
  } else {
    indices.list = settings.get<std::vector<int>>(key);
    require(!indices.list.empty(), "{}: the list is empty", settings.where(key));
    for (const int index : indices.list) require(index >= 0, "{}: expected indices from 0 up, found {}", settings.where(key), index);
  }
  return indices;
}

std::vector<std::string> read_hooks(Settings& settings) {
  const Value* value = settings.raw("at");
  if (value && value->as<Value::Array>()) return settings.get<std::vector<std::string>>("at");
  return {settings.get<std::string>("at")};
}

void read_value(Settings& settings, InterventionSettings& out) {
  const Value* value = settings.raw("value");
  if (!value) return;
  if (value->as<std::string>()) out.name = settings.get<std::string>("value");
  else if (value->as<Value::Array>()) out.value = settings.get<std::vector<double>>("value");
  else out.value = {settings.get<double>("value")};
}

/// What each action needs and cannot take.
void check(Settings& settings, const InterventionSettings& in) {
  const auto is = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return in.action == name; });
  };
  const auto needs = [&](bool given, const char* key, const char* what) {
    require(given, "{}: do = \"{}\" needs {}", settings.where(key), in.action, what);
  };
  require(!in.at.empty(), "{}: the list is empty", settings.where("at"));
  if (is({"scale", "clamp"})) needs(in.value.size() == 1, "value", "one number");
  if (is({"set", "project_out"})) needs(!in.value.empty() || !in.statistics.empty(), "value", "numbers, or a statistics file");
  if (is({"norm"})) needs(!in.name.empty(), "value", "the name of a norm");
  if (is({"mask_key"})) needs(!in.tokens.all, "tokens", "the keys to mask");
  const bool largest = in.tokens.found == "largest";
  require(!largest || is({"zero", "scale", "set", "mean", "clamp"}), "{}: do = \"{}\" cannot act on the \"largest\" token",
          settings.where("tokens"), in.action);
  if (is({"clamp"})) needs(in.value[0] >= 0, "value", "a bound of 0 or more");
  require(in.name.empty() || is({"norm"}), "{}: expected a number, found \"{}\"", settings.where("value"), in.name);
  require(in.value.empty() || is({"scale", "set", "clamp", "project_out"}), "{}: do = \"{}\" takes no value", settings.where("value"),
          in.action);
  require(in.statistics.empty() || is({"set", "mean", "project_out"}), "{}: do = \"{}\" takes no statistics file",
          settings.where("statistics"), in.action);
  const bool per_channel = in.value.size() > 1 && !in.channels.list.empty() && is({"set"});
  require(!per_channel || in.value.size() == in.channels.list.size(), "{}: {} values for {} channels", settings.where("value"),
          in.value.size(), in.channels.list.size());
}

const SectionRegistration registration{{"intervention", [](Settings& experiment) { InterventionSettings::all(experiment); }}};

}  // namespace

InterventionSettings InterventionSettings::from(Settings& s) {
  InterventionSettings in;
  in.where = s.where("at");
  in.at = read_hooks(s);
  s.get<std::string>("do");
  in.action = s.choice("do", "", actions);
  in.channels = read_indices(s, "channels");
  in.tokens = read_indices(s, "tokens");
  in.heads = read_indices(s, "heads");
  read_value(s, in);
  in.statistics = s.get("statistics", in.statistics);
  if (!in.statistics.starts_with("@")) in.statistics = read_path(s, "statistics").string();
  check(s, in);
  return in;
}

std::vector<InterventionSettings> InterventionSettings::all(Settings& experiment) {
  std::vector<InterventionSettings> all;
  for (Settings& table : experiment.tables("intervention")) all.push_back(from(table));
  return all;
}

}  // namespace ablate
