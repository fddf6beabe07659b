// `ablate hooks FILE.toml`: the hook points of its models, their shapes, and what interventions can do there.
#include "base/error.h"
#include "command.h"
#include "experiment/run/model_source.h"
#include "ops/user/user_shader.h"
#include "probe/interventions.h"
#include "run_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace ablate {
namespace {

TransformerConfig config_of(const Point& point) {
  Settings settings = point.settings();
  const RegistrationScope shaders = read_user_shaders(settings);
  Settings model = settings.table("model");
  return ModelSource::from(model, "paper", 0).config;
}

std::string actions_at(const Hook& hook) {
  std::string actions;
  for (const ActionRule& rule : action_rules())
    if (refusal(rule, hook).empty()) actions += fmt::format("{}{}", actions.empty() ? "" : " ", rule.name);
  return actions;
}

std::string table_of(const TransformerConfig& config) {
  const std::vector<Hook> hooks = hook_points(config);
  std::size_t name = 10, shape = 5;
  for (const Hook& hook : hooks) name = std::max(name, hook.name().size()), shape = std::max(shape, hook.shape_text().size());
  std::string text = fmt::format("  {:<{}}  {:<{}}  {:>5}  do\n", "hook point", name, "shape", shape, "heads");
  for (const Hook& hook : hooks)
    text += fmt::format("  {:<{}}  {:<{}}  {:>5}  {}\n", hook.name(), name, hook.shape_text(), shape,
                        hook.heads > 0 ? std::to_string(hook.heads) : "-", actions_at(hook));
  const std::vector<ParameterSpec> weights = weight_points(config);
  for (const ParameterSpec& spec : weights) name = std::max(name, spec.name.size());
  text += fmt::format("  {:<{}}  shape\n", "weight (do = \"quantize\")", name);
  for (const ParameterSpec& spec : weights) text += fmt::format("  {:<{}}  ({}, {})\n", spec.name, name, spec.shape[0], spec.shape[1]);
  return text;
}

/// A table per model, under the names of the points that have it.
void print(const Plan& plan) {
  std::vector<std::pair<std::string, std::string>> tables;  // table, points
  for (const Point& point : plan.points) {
    const std::string table = table_of(config_of(point));
    const auto known = std::find_if(tables.begin(), tables.end(), [&](const auto& one) { return one.first == table; });
    if (known == tables.end()) tables.emplace_back(table, point.label);
    else known->second += ", " + point.label;
  }
  for (const auto& [table, points] : tables) fmt::print("{}\n{}", points, table);
}

const CommandRegistration registration{
    {"hooks", "List the hook points of an experiment's models, their shapes, and what interventions can do there", [](CLI::App& app) {
       auto options = std::make_shared<RunOptions>();
       add_plan_options(app, *options);
       return [options] {
         print(options->plan());
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
