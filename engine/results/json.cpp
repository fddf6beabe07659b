#include "results/json.h"

#include "results/figure_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ablate {
namespace {

template <class T>
Json list_to_json(const std::vector<T>& list) {
  Json json = Json::array();
  for (const T& item : list) {
    if constexpr (std::is_same_v<T, double>) json.push_back(number_to_json(item));
    else if constexpr (std::is_same_v<T, std::string>) json.push_back(item);
    else if constexpr (std::is_same_v<T, Figure>) json.push_back(figure_to_json(item));
    else json.push_back(list_to_json(item));
  }
  return json;
}

bool is_number(const Json& json) { return json.is_number() || json.is_null(); }

std::vector<double> numbers(const Json& json) {
  std::vector<double> list;
  for (const Json& item : json) list.push_back(item.is_null() ? std::numeric_limits<double>::quiet_NaN() : item.get<double>());
  return list;
}

std::vector<Figure> figures(const Json& json) {
  std::vector<Figure> list;
  for (const Json& item : json) list.push_back(figure_from_json(item));
  return list;
}

std::optional<Metric> metric_from_json(const Json& json) {
  const auto all = [](const Json& list, auto&& test) { return std::all_of(list.begin(), list.end(), test); };
  if (json.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return std::nullopt;
  if (all(json, is_number)) return numbers(json);
  if (all(json, [](const Json& item) { return item.is_string(); })) return json.get<std::vector<std::string>>();
  if (all(json, [](const Json& item) { return item.is_object() && item.contains("kind"); })) return figures(json);
  if (!all(json, [&](const Json& row) { return row.is_array() && all(row, is_number); })) return std::nullopt;
  std::vector<std::vector<double>> rows;
  for (const Json& row : json) rows.push_back(numbers(row));
  return rows;
}

/// Bytes that are no UTF-8 (a path, say) must not stop a result from being written.
std::string dump(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Json number_to_json(double number) {
  if (!std::isfinite(number)) return nullptr;
  const bool whole = std::abs(number) < 0x1p53 && number == std::floor(number) && !(number == 0 && std::signbit(number));
  if (whole) return static_cast<std::int64_t>(number);
  return number;
}

Json value_to_json(const Value& value) {
  if (const auto* flag = value.as<bool>()) return *flag;
  if (const auto* integer = value.as<std::int64_t>()) return *integer;
  if (const auto* number = value.as<double>()) return std::isfinite(*number) ? Json(*number) : Json(nullptr);
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* array = value.as<Value::Array>()) {
    Json json = Json::array();
    for (const Value& item : *array) json.push_back(value_to_json(item));
    return json;
  }
  if (const auto* table = value.as<Value::Table>()) {
    Json json = Json::object();
    for (const auto& [key, item] : *table) json[key] = value_to_json(item);
    return json;
  }
  return nullptr;
}

Json metrics_to_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, metric] : metrics) {
    json[name] = std::visit(
        [](const auto& value) -> Json {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, double>) return number_to_json(value);
          else if constexpr (std::is_same_v<T, std::string>) return value;
          else return list_to_json(value);
        },
        metric);
  }
  return json;
}

Metrics metrics_from_json(const Json& json) {
  Metrics metrics;
  if (!json.is_object()) return metrics;
  for (const auto& [name, item] : json.items()) {
    if (std::optional<Metric> metric = metric_from_json(item)) metrics.set(name, std::move(*metric));
  }
  return metrics;
}

std::string to_json(const Value& value, int indent) { return dump(value_to_json(value), indent); }

std::string to_json(const Metrics& metrics, int indent) { return dump(metrics_to_json(metrics), indent); }

}  // namespace ablate
