#include "experiment/run/forecast.h"

#include "base/size.h"
#include "experiment/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace ablate {
namespace {

double number_at(const Value& table, const std::string& key, double fallback) {
  const Value* value = find(table, key);
  const auto* whole = value ? value->as<std::int64_t>() : nullptr;
  return whole ? static_cast<double>(*whole) : fallback;
}

void set(Value& table, const std::string& key, double value) { assign(table, key, {static_cast<std::int64_t>(value), ""}); }

/// "7.3 M"
std::string count_text(double count) {
  constexpr std::array<const char*, 5> names = {"", " k", " M", " G", " T"};
  std::size_t i = 0;
  for (; count >= 999.5 && i + 1 < names.size(); ++i) count /= 1000;
  return fmt::format("{:.{}f}{}", count, i > 0 && count < 99.95 ? 1 : 0, names[i]);
}

std::vector<std::string> cells_of(const PointForecast& point, const std::string& id) {
  const PointPlan& plan = point.plan;
  return {id,
          count_text(plan.parameters),
          count_text(plan.tokens),
          fmt::format("{:.1e}", plan.work.flop()),
          size_text(plan.memory.total()),
          !point.refusal.empty()      ? "does not fit"
          : point.taken_from          ? fmt::format("as {}", *point.taken_from + 1)
          : std::isnan(point.seconds) ? "?"
                                      : duration_text(point.seconds)};
}

std::string total(const Forecast& forecast) {
  double tokens = 0, flop = 0, seconds = 0;
  bool timed = false;
  for (const PointForecast& point : forecast.points) {
    if (point.taken_from) continue;
    tokens += point.plan.tokens, flop += point.plan.work.flop();
    if (std::isnan(point.seconds) || !point.refusal.empty()) continue;
    seconds += point.seconds;
    timed = true;
  }
  return fmt::format("together: {} tokens, {:.1e} FLOP, {} on {} ({} of memory free)\n", count_text(tokens), flop,
                     timed ? "about " + duration_text(seconds) : "no time known", forecast.device, size_text(forecast.free));
}

}  // namespace

double calibration_flop(const Device& device) { return device.caps().is_cpu() ? 4e9 : 2e12; }

Point part_of(const Point& whole, const PointPlan& plan, const Device& device) {
  Point part = whole;
  if (part.kind != "train") return part;
  const double steps = std::max(number_at(part.table, "train.steps", 1000), 1.0);
  double share = std::min(1.0, calibration_flop(device) * steps / std::max(plan.work.flop(), 1.0));
  const auto cut = [&](const char* key, double usual, double least) {
    const double whole = number_at(part.table, key, usual), kept = std::clamp(std::floor(whole * share), std::min(least, whole), whole);
    set(part.table, key, kept);
    share *= whole / kept;
  };
  cut("train.batch", 32, 1);
  cut("train.seq_len", 256, 32);
  cut("model.n_layers", 2, 1);
  set(part.table, "train.accumulate", 1);
  set(part.table, "train.steps", 4);
  for (const char* position : {"train.loss_positions", "model.loss_positions", "data.random_first", "data.fixed_position"})
    erase(part.table, position);
  return part;
}

std::string format_forecast(const Forecast& forecast, const Plan& plan, const std::vector<std::string>& notes) {
  std::vector<std::vector<std::string>> lines = {{"point", "parameters", "tokens", "FLOP", "memory", "time"}};
  for (const PointForecast& point : forecast.points) lines.push_back(cells_of(point, plan.points[point.index].id));
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (std::size_t row = 0; row < lines.size(); ++row) {
    text += fmt::format("  {:<{}}", lines[row][0], widths[0]);
    for (std::size_t i = 1; i < widths.size(); ++i) text += fmt::format("  {:>{}}", lines[row][i], widths[i]);
    const std::string note = row > 0 ? notes.at(forecast.points[row - 1].index) : "name";
    text += note.empty() ? "\n" : "  " + note + "\n";
  }
  return text + total(forecast);
}

}  // namespace ablate
