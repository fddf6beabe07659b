// `ablate check FILE.toml`: reads the file as a run would, and says what it would do.
#include "base/error.h"
#include "command.h"
#include "experiment/results.h"
#include "experiment/run/runner.h"
#include "run_options.h"

#include <CLI/CLI.hpp>

namespace ablate {
namespace {

using Keys = std::map<std::string, std::string>;

/// Every key below `value` with its dotted name.
void flatten(const Value& value, const std::string& name, Keys& keys) {
  const auto* table = value.as<Value::Table>();
  if (!table) {
    keys[name] = to_text(value);
    return;
  }
  for (const auto& [key, item] : *table) flatten(item, name.empty() ? key : name + "." + key, keys);
}

/// Per point the keys that are not the same for all of them.
std::vector<Keys> differences(const std::vector<Value>& points) {
  std::vector<Keys> all;
  std::map<std::string, std::map<std::string, std::size_t>> occurrences;  // of a key, by value
  for (const Value& point : points) {
    flatten(point, "", all.emplace_back());
    for (const auto& [key, value] : all.back()) ++occurrences[key][value];
  }
  for (Keys& keys : all) {
    std::erase_if(keys, [&](const auto& entry) { return occurrences[entry.first][entry.second] == points.size(); });
  }
  return all;
}

std::string as_json(const Plan& plan, std::vector<Value> points) {
  Value::Array list;
  for (std::size_t i = 0; i < points.size(); ++i) {
    assign(points[i], "id", {plan.points[i].id, ""});
    assign(points[i], "label", {plan.points[i].label, ""});
    for (const auto& [metric, value] : plan.points[i].reference) assign(points[i], "reference." + metric, {value, ""});
    list.push_back(std::move(points[i]));
  }
  const Value whole{Value::Table{{"experiment", {plan.name, ""}}, {"kind", {plan.kind, ""}}, {"points", {std::move(list), ""}}}, ""};
  return to_json(whole);
}

std::string as_text(const Plan& plan, const std::vector<Value>& points) {
  std::string text =
      fmt::format("{}: {} ({}, {} point{})\n", plan.name, plan.title, plan.kind, points.size(), points.size() == 1 ? "" : "s");
  std::size_t width = 0;
  for (const Point& point : plan.points) width = std::max(width, point.id.size());
  const std::vector<Keys> different = differences(points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    text += fmt::format("  {:<{}}", plan.points[i].id, width);
    for (const auto& [key, value] : different[i]) text += fmt::format("  {}={}", key, value);
    text += "\n";
  }
  return text;
}

// A file can be checked on a machine without a device, its data or its checkpoint.
void print_memory_if_known(const Plan& plan) {
  try {
    RunRequest request;
    request.plan = plan;
    fmt::print("memory: {}{}\n", to_text(planned_memory(request)), plan.points.size() > 1 ? " (the most of any point)" : "");
  } catch (const std::exception& error) {
    fmt::print(stderr, "memory: {}\n", error.what());
  }
}

const CommandRegistration registration{
    {"check", "Validate an experiment file and print its points and the memory they take", [](CLI::App& app) {
       auto options = std::make_shared<RunOptions>();
       auto json = std::make_shared<bool>(false);
       add_plan_options(app, *options);
       app.add_flag("--json", *json, "Print every point's resolved keys, defaults included, as JSON");
       return [options, json] {
         const Plan plan = options->plan();
         std::vector<Value> points;
         for (const Point& point : plan.points) points.push_back(resolve(point));
         fmt::print("{}", *json ? as_json(plan, std::move(points)) + "\n" : as_text(plan, points));
         std::fflush(stdout);
         if (!*json) print_memory_if_known(plan);
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
