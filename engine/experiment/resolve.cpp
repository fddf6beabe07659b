// A point's settings, read by everybody who knows some of them.
#include "base/error.h"
#include "experiment/readers.h"
#include "experiment/run/kind.h"
#include "model/initialization.h"
#include "ops/user/user_shader.h"
#include "train/train_settings.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ablate {

bool reads(const std::string& kind, const std::string& key) {
  const auto& tables = ExperimentKinds::find("kind", kind).tables;
  return std::find(tables.begin(), tables.end(), key) != tables.end();
}

namespace {

/// The first key of a table that kinds like this one do not read; null if they read what is there.
const Value* foreign_key(const Point& point, const std::string& table, std::string& name) {
  const Value* value = find(point.table, name = table);
  if (!value || reads(point.kind, table)) return nullptr;
  const auto* keys = value->as<Value::Table>();
  if (!keys) return value;
  const Value* first = nullptr;
  for (const auto& [key, own] : *keys)
    if (!reads(point.kind, table + "." + key) && (!first || own.order < first->order)) first = &own, name = table + "." + key;
  return first;
}

void reject_tables_of_other_kinds(const Point& point) {
  for (const Section& section : sections()) {
    std::vector<std::string> readers;
    for (const auto& [kind, unused] : ExperimentKinds::all())
      if (reads(kind, section.name)) readers.push_back("\"" + kind + "\"");
    std::string name;
    const Value* foreign = readers.empty() ? nullptr : foreign_key(point, section.name, name);
    require(!foreign, "{}: {}: {} is read by kind = {}; this is kind = \"{}\"", foreign ? foreign->where : "", name,
            find(point.table, section.name) && find(point.table, section.name)->as<Value::Array>() ? "[[" + section.name + "]]"
                                                                                                   : "[" + section.name + "]",
            fmt::join(readers, " and "), point.kind);
  }
}

void read_what_all_have(Settings& settings) {
  settings.get<std::int64_t>({"seed", "every random number follows from it"}, 0);
  settings.get<std::vector<std::string>>({"without", "capabilities of the device to do without"}, {});
  settings.raw({"device", "device to run on: a number of `ablate devices`, or a part of its name"});
  settings.raw({"report", "how the report shows what was measured"});
}

}  // namespace

std::vector<PointReader> point_readers(const std::string& kind) {
  std::vector<PointReader> readers{read_what_all_have};
  if (!reads(kind, "train"))  // of a model that is only looked at, it still says how it starts
    readers.push_back([](Settings& settings) {
      settings.table("train").choice({"init_rule", "distribution that the first weights are drawn from"}, TrainSettings().init_rule,
                                     initialization_rules());
    });
  for (const Section& section : sections())
    readers.push_back([&section, kind](Settings& settings) {
      const bool always = section.name == "model" || section.name == "data" || section.name == "probe";
      if (always || section.name == kind || (reads(kind, section.name) && settings.has(section.name))) section.read(settings);
    });
  return readers;
}

Value resolve(const Point& point) {
  reject_tables_of_other_kinds(point);
  Settings settings = point.settings();
  const RegistrationScope shaders = read_user_shaders(settings);
  for (const PointReader& read : point_readers(point.kind)) read(settings);
  settings.reject_unused();
  return settings.resolved();
}

}  // namespace ablate
