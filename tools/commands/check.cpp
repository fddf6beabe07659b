// `ablate check FILE.toml`: reads the file as a run would, and says what it would do.
#include "base/error.h"
#include "base/terminal.h"
#include "collective/collective.h"
#include "command.h"
#include "experiment/results.h"
#include "experiment/run/claimed_metrics.h"
#include "experiment/run/runner.h"
#include "probe/presets/preset.h"
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

/// Per point what it is called, and what its file writes that is not the same for all of them: "DyT, lr=0.003  model.norm=dyt  train.lr=0.003".
std::vector<std::string> descriptions(const Plan& plan) {
  std::vector<Keys> all;
  std::map<std::string, std::map<std::string, std::size_t>> occurrences;  // of a key, by value
  for (const Point& point : plan.points) {
    flatten(point.table, "", all.emplace_back());
    for (const char* words : {"title", "description"}) all.back().erase(words);  // of a collection's files
    for (const auto& [key, value] : all.back()) ++occurrences[key][value];
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string& text = texts.emplace_back(plan.points[i].label);
    for (const auto& [key, value] : all[i])
      if (occurrences[key][value] < plan.points.size()) text += fmt::format("  {}={}", key, value);
  }
  return texts;
}

std::string as_json(const Plan& plan, std::vector<Value> points) {
  Value::Array list;
  for (std::size_t i = 0; i < points.size(); ++i) {
    assign(points[i], "id", {plan.points[i].id, ""});
    assign(points[i], "label", {plan.points[i].label, ""});
    if (!plan.points[i].group.empty()) assign(points[i], "group", {plan.points[i].group, ""});
    for (const auto& [metric, value] : plan.points[i].reference) assign(points[i], "reference." + metric, {value, ""});
    list.push_back(std::move(points[i]));
  }
  const Value whole{Value::Table{{"experiment", {plan.name, ""}}, {"kind", {plan.kind, ""}}, {"points", {std::move(list), ""}}}, ""};
  return to_json(whole);
}

std::string without_figures(const Plan& plan, const std::vector<std::string>& described) {
  std::string text;
  std::size_t width = 0;
  for (const Point& point : plan.points) width = std::max(width, point.id.size());
  for (std::size_t i = 0; i < plan.points.size(); ++i) text += fmt::format("  {:<{}}  {}\n", plan.points[i].id, width, described[i]);
  return text;
}

/// What the presets of a list of interventions stand for, by how they are written.
void add_presets(const Value& table, std::map<std::string, std::string>& texts) {
  const Value* interventions = find(table, "intervention");
  const auto* list = interventions ? interventions->as<Value::Array>() : nullptr;
  if (!list) return;
  for (const Value& intervention : *list) {
    const Value* name = find(intervention, "preset");
    if (!name) continue;
    std::string text = fmt::format("preset {}: {}\n", to_text(intervention), QuantizationPresets::all().at(to_text(*name)).source);
    for (const Value& expanded : expand_preset(intervention)) text += fmt::format("  {}\n", to_text(expanded));
    texts[to_text(intervention)] = text;
  }
}

/// Those of the plan, each once: of its rows and of their evaluations.
std::string presets_of(const Plan& plan) {
  std::map<std::string, std::string> texts;
  for (const Point& point : plan.points) {
    add_presets(point.table, texts);
    const Value* evaluations = find(point.table, "evaluation");
    if (const auto* list = evaluations ? evaluations->as<Value::Array>() : nullptr)
      for (const Value& evaluation : *list) add_presets(evaluation, texts);
  }
  std::string all;
  for (const auto& [preset, text] : texts) all += text;
  return all;
}

/// The plan with what it takes. A file can be checked on a machine without a device, or without its data.
void print(const RunRequest& request) {
  const Plan& plan = request.plan;
  const std::size_t points = plan.points.size();
  fmt::print("{}: {} ({}, {} point{})\n", plan.name, plan.title, plan.kind, points, points == 1 ? "" : "s");
  if (request.ranks) fmt::print("{} ranks; FLOP, memory and time are those of each, without what they send\n", request.ranks->size());
  finish_output();
  const Forecast forecast = ablate::forecast(request);
  const std::vector<std::string> described = descriptions(plan);
  fmt::print("{}", forecast.no_device.empty() ? format_forecast(forecast, plan, described) : without_figures(plan, described));
  fmt::print("{}", presets_of(plan));
  finish_output();
  if (!forecast.no_device.empty()) tell("no figures: {}\n", forecast.no_device);
  for (const PointForecast& point : forecast.points) require_fit(plan, point);
}

const CommandRegistration registration{
    {"check", "Validate an experiment file, print its points and what they take: memory, FLOP, time", [](CLI::App& app) {
       auto options = std::make_shared<RunOptions>();
       auto json = std::make_shared<bool>(false);
       auto ranks = std::make_shared<int>(1);
       add_plan_options(app, *options);
       add_device_options(app, *options);
       add_selection_options(app, *options);
       app.add_flag("--json", *json, "Print every point's resolved keys, defaults included, as JSON");
       app.add_option("--ranks", *ranks, "Plan for so many processes under mpirun: what each of them takes")
           ->type_name("N")
           ->check(CLI::Range(1, 1 << 20));
       return [options, json, ranks] {
         RunRequest request;
         request.plan = options->plan();
         request.selection = options->selection();
         request.device = options->device, request.without = options->masks();
         const std::unique_ptr<Collective> planned = planned_ranks(*ranks);
         request.ranks = *ranks > 1 ? planned.get() : nullptr;
         if (*json) {
           std::vector<Value> points;
           for (const Point& point : request.plan.points) points.push_back(resolve(point));
           settle_claimed_metrics(request.plan);
           fmt::print("{}\n", as_json(request.plan, std::move(points)));
         } else {
           print(request);
         }
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
