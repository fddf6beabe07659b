#include "experiment/point_names.h"

#include "base/error.h"

#include <algorithm>
#include <cctype>

namespace ablate {
namespace {

/// Lower-case letters, digits and single dashes; at most 40.
std::string slug(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (c == '.' && !result.empty() && std::isdigit(static_cast<unsigned char>(result.back()))) result += c;
    else if (!result.empty() && result.back() != '-') result += '-';
  }
  if (result.size() > 40) result.resize(40);
  while (!result.empty() && (result.back() == '-' || result.back() == '.')) result.pop_back();
  return result;
}

}  // namespace

void check_plan_name(const Value& table, const std::string& name) {
  const Value* value = find(table, "name");
  const bool ends_well = !name.empty() && name.front() != '.' && name.front() != ' ' && name.back() != '.' && name.back() != ' ';
  const bool safe = ends_well && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
                      return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == ' ';
                    });
  require(safe, "{}: name: it names the folder of the results: expected letters, digits, spaces, \"-\", \"_\" and \".\", found \"{}\"",
          value ? value->where : table.where, name);
}

void name_points(Plan& plan) {
  const std::size_t digits = std::max<std::size_t>(2, std::to_string(plan.points.size()).size());
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    Point& point = plan.points[i];
    if (point.label.empty()) point.label = plan.name;
    const std::string name = slug(point.label);
    point.id = fmt::format("{:0{}}{}{}", i + 1, digits, name.empty() ? "" : "-", name);
    assign(point.table, "name", {plan.name, point.table.where, 0});
  }
}

}  // namespace ablate
