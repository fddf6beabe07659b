#include "experiment/needs.h"

#include "base/error.h"

#include <algorithm>

namespace ablate {
namespace {

/// Puts points into their order, each once.
class Order {
 public:
  Order(const Plan& plan, const std::vector<std::size_t>& selected) : plan_(plan), has_row_(plan.points.size()), seen_(plan.points.size()) {
    for (const std::size_t i : selected) has_row_[i] = true;
    for (const std::size_t i : selected) place(i);
  }

  std::vector<Turn> turns;

 private:
  enum class Seen : char { no, open, placed };

  void place(std::size_t i) {
    if (seen_[i] == Seen::placed) return;
    const Point& point = plan_.points[i];
    require(seen_[i] != Seen::open, "{}: intervention: point {} needs statistics that need its own", point.table.where, point.id);
    seen_[i] = Seen::open;
    for (const std::size_t needed : needed_points(plan_, i)) place(needed);
    seen_[i] = Seen::placed;
    turns.push_back({i, has_row_[i]});
  }

  const Plan& plan_;
  std::vector<bool> has_row_;
  std::vector<Seen> seen_;
};

bool records(const Point& point, const std::string& what) {
  const Value* statistics = find(point.table, "probe.statistics");
  const auto* names = statistics ? statistics->as<Value::Array>() : nullptr;
  return names && std::any_of(names->begin(), names->end(), [&](const Value& name) { return to_text(name) == what; });
}

/// Those of the point's own row, and of its evaluations.
Value::Array interventions_of(const Value& table) {
  Value::Array all;
  const auto add = [&](const Value& from) {
    const Value* list = find(from, "intervention");
    if (const auto* own = list ? list->as<Value::Array>() : nullptr) all.insert(all.end(), own->begin(), own->end());
  };
  add(table);
  const Value* evaluations = find(table, "evaluation");
  if (const auto* list = evaluations ? evaluations->as<Value::Array>() : nullptr)
    for (const Value& evaluation : *list) add(evaluation);
  return all;
}

}  // namespace

std::vector<std::size_t> needed_points(const Plan& plan, std::size_t index) {
  std::vector<std::size_t> needed;
  for (const Value& intervention : interventions_of(plan.points.at(index).table)) {
    const Value* statistics = intervention.as<Value::Table>() ? find(intervention, "statistics") : nullptr;
    const auto* text = statistics ? statistics->as<std::string>() : nullptr;
    if (!text || !text->starts_with("@")) continue;
    const auto same_id = [&](const Point& point) { return point.id == text->substr(1); };
    const auto found = std::find_if(plan.points.begin(), plan.points.end(), same_id);
    require(found != plan.points.end(), "{}: intervention.statistics: no point has the id {} (`ablate check` lists them)",
            statistics->where, text->substr(1));
    const Value* action = find(intervention, "do");
    const std::string what = !action || to_text(*action) == "quantize" ? "ranges" : "means";  // of a preset, without an action, too
    require(records(*found, what), "{}: intervention.statistics: point {} records no {} ([probe] statistics = [\"{}\"])", statistics->where,
            found->id, what, what);
    const auto at = static_cast<std::size_t>(found - plan.points.begin());
    if (std::find(needed.begin(), needed.end(), at) == needed.end()) needed.push_back(at);
  }
  return needed;
}

std::vector<Turn> run_order(const Plan& plan, const std::vector<std::size_t>& selected) { return Order(plan, selected).turns; }

}  // namespace ablate
