// `ablate check FILE.toml`: reads the file as a run would, and says what it would do.
#include "base/error.h"
#include "base/terminal.h"
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

/// Per point what its file writes that is not the same for all of them: "model.norm=layernorm train.lr=0.003".
std::vector<std::string> differences(const Plan& plan) {
  std::vector<Keys> all;
  std::map<std::string, std::map<std::string, std::size_t>> occurrences;  // of a key, by value
  for (const Point& point : plan.points) {
    flatten(point.table, "", all.emplace_back());
    for (const auto& [key, value] : all.back()) ++occurrences[key][value];
  }
  std::vector<std::string> texts;
  for (const Keys& keys : all) {
    std::string& text = texts.emplace_back();
    for (const auto& [key, value] : keys)
      if (occurrences[key][value] < plan.points.size()) text += fmt::format("{}{}={}", text.empty() ? "" : "  ", key, value);
  }
  return texts;
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

std::string without_figures(const Plan& plan, const std::vector<std::string>& different) {
  std::string text;
  std::size_t width = 0;
  for (const Point& point : plan.points) width = std::max(width, point.id.size());
  for (std::size_t i = 0; i < plan.points.size(); ++i) text += fmt::format("  {:<{}}  {}\n", plan.points[i].id, width, different[i]);
  return text;
}

/// The plan with what it takes. A file can be checked on a machine without a device, its data or its checkpoint.
void print(const RunRequest& request) {
  const Plan& plan = request.plan;
  const std::size_t points = plan.points.size();
  fmt::print("{}: {} ({}, {} point{})\n", plan.name, plan.title, plan.kind, points, points == 1 ? "" : "s");
  const std::vector<std::string> different = differences(plan);
  Forecast forecast;
  try {
    forecast = ablate::forecast(request);
  } catch (const DeviceError& error) {
    fmt::print("{}", without_figures(plan, different));
    finish_output();
    if (!request.device.empty()) throw;
    tell("no figures: {}\n", error.what());
    return;
  }
  fmt::print("{}", format_forecast(forecast, plan, different));
  finish_output();
  std::string refused;
  for (const PointForecast& point : forecast.points) {
    const std::string& label = plan.points[point.index].label;
    if (!point.problem.empty()) tell("no figures for {}: {}\n", label, point.problem);
    if (!point.refusal.empty() && refused.empty()) refused = fmt::format("{}: {}", label, point.refusal);
  }
  if (!refused.empty()) throw DeviceError(refused);
}

const CommandRegistration registration{
    {"check", "Validate an experiment file, print its points and what they take: memory, FLOP, time", [](CLI::App& app) {
       auto options = std::make_shared<RunOptions>();
       auto json = std::make_shared<bool>(false);
       add_plan_options(app, *options);
       add_device_options(app, *options);
       add_selection_options(app, *options);
       app.add_flag("--json", *json, "Print every point's resolved keys, defaults included, as JSON");
       return [options, json] {
         RunRequest request;
         request.plan = options->plan();
         request.selection = options->selection();
         request.device = options->device, request.without = options->masks();
         std::vector<Value> points;
         for (const Point& point : request.plan.points) points.push_back(resolve(point));
         if (*json) fmt::print("{}\n", as_json(request.plan, std::move(points)));
         else print(request);
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
