#include "experiment/collection.h"

#include "base/error.h"
#include "base/file.h"
#include "experiment/point_names.h"
#include "experiment/toml.h"

#include <algorithm>
#include <array>
#include <set>

namespace ablate {
namespace {

namespace fs = std::filesystem;

/// How a collection calls what one of its files calls `label`.
std::string called(const Plan& part, bool is_variant, const std::string& label) {
  if (is_variant) return fmt::format("{}: {}", part.name, label);
  return label == part.name || label == "all points" ? part.name : fmt::format("{}, {}", part.name, label);
}

void rename_rows(Formula& formula, const Plan& part, bool variants) {
  if (formula.kind == Formula::Kind::metric) formula.row = called(part, variants, formula.row);
  for (Formula& operand : formula.parts) rename_rows(operand, part, variants);
}

void add_points(Plan& plan, const Plan& part) {
  for (Point point : part.points) {
    point.label = called(part, !point.name.empty(), point.label);
    if (!point.name.empty()) point.name = called(part, true, point.name);
    point.group = point.group.empty() ? part.title : fmt::format("{}: {}", part.title, point.group);
    plan.points.push_back(std::move(point));
  }
}

void add_claims(Plan& plan, const Plan& part) {
  for (const std::string& note : part.notes) plan.notes.push_back(fmt::format("{}: {}", part.name, note));
  const bool variants = std::any_of(part.points.begin(), part.points.end(), [](const Point& point) { return !point.name.empty(); });
  for (Claim claim : part.claims) {
    Formula formula = parse_formula(claim.holds, claim.where);
    rename_rows(formula, part, variants);
    claim.holds = to_text(formula);
    plan.claims.push_back(std::move(claim));
  }
}

/// What the collection itself reads of --set; all else is for the files.
constexpr std::array own_keys{"name", "title", "description", "include"};
bool is_own(const std::string& key) { return std::find(own_keys.begin(), own_keys.end(), key) != own_keys.end(); }

}  // namespace

std::optional<Value> collection_in(std::string_view text, const fs::path& file) {
  if (text.find("include") == text.npos) return std::nullopt;
  Value table = parse_toml(text, file.generic_string());
  return find(table, "include") ? std::optional(std::move(table)) : std::nullopt;
}

Plan read_collection(const Value& written, const fs::path& file, const std::vector<std::string>& sets) {
  Value table = written;
  std::vector<std::string> others;
  for (const std::string& set : sets) {
    const Assignment assignment = parse_assignment(set);
    if (is_own(assignment.key)) assign(table, assignment.key, assignment.value);
    else others.push_back(set);
  }
  Settings settings(table);
  Plan plan;
  plan.source = file, plan.collection = true;
  plan.name = settings.get<std::string>("name", file.stem().string());
  check_plan_name(table, plan.name);
  plan.title = settings.get<std::string>("title", plan.name);
  plan.description = settings.get<std::string>("description", "");
  const auto include = settings.get<std::vector<std::string>>("include");
  settings.reject_unused();
  require(!include.empty(), "{}: the list is empty", settings.where("include"));
  std::set<std::string> names, titles;
  for (const std::string& name : include) {
    const fs::path path = file.parent_path() / name;
    const std::string text = read_text(path);
    require(!collection_in(text, path), "{}: {} includes other files itself", settings.where("include"), name);
    const Plan part = parse_plan(text, path, others);
    require(names.insert(part.name).second, "{}: two of the files are called \"{}\"", settings.where("include"), part.name);
    require(titles.insert(part.title).second, "{}: two of the files have the title \"{}\"", settings.where("include"), part.title);
    plan.kind = plan.kind.empty() || plan.kind == part.kind ? part.kind : "collection";
    add_points(plan, part);
    add_claims(plan, part);
  }
  name_points(plan);
  return plan;
}

}  // namespace ablate
