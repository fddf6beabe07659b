#include "results/figure_json.h"

#include "base/error.h"
#include "results/json.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

Json numbers_to_json(const std::vector<double>& values) {
  Json array = Json::array();
  for (const double value : values) array.push_back(number_to_json(value));
  return array;
}

Json axis_to_json(const FigureAxis& axis) {
  Json json = Json::object();
  if (!axis.label.empty()) json["label"] = axis.label;
  if (axis.log) json["log"] = true;
  if (!axis.categories.empty()) json["categories"] = axis.categories;
  return json;
}

/// Reads one figure; every message names it.
struct Reader {
  std::string title;

  [[noreturn]] void fail(std::string_view key, std::string_view expected) const {
    bad_input("figure \"{}\": {}: expected {}", title, key, expected);
  }

  std::string text(const Json& json, const char* key) const {
    if (!json.contains(key)) return "";
    if (!json[key].is_string()) fail(key, "a string");
    return json[key].get<std::string>();
  }

  std::vector<double> numbers(const Json& json, std::string_view key) const {
    if (!json.is_array()) fail(key, "a list of numbers");
    std::vector<double> values;
    for (const Json& item : json) {
      if (!item.is_number() && !item.is_null()) fail(key, "numbers or null");
      values.push_back(item.is_null() ? NAN : item.get<double>());
    }
    return values;
  }

  std::vector<std::string> strings(const Json& json, const char* key) const {
    std::vector<std::string> values;
    if (!json.contains(key)) return values;
    if (!json[key].is_array()) fail(key, "a list of strings");
    for (const Json& item : json[key]) {
      if (!item.is_string()) fail(key, "a list of strings");
      values.push_back(item.get<std::string>());
    }
    return values;
  }

  FigureAxis axis(const Json& figure, const char* key) const {
    FigureAxis axis;
    if (!figure.contains(key)) return axis;
    const Json& json = figure[key];
    if (json.is_string()) return axis.label = json.get<std::string>(), axis;
    if (!json.is_object()) fail(key, "a label or a table");
    axis.label = text(json, "label");
    axis.log = json.value("log", Json(false)) == true;
    axis.categories = strings(json, "categories");
    return axis;
  }

  FigureSeries series(const Json& json, const std::string& kind) const {
    if (!json.is_object() || !json.contains("y")) fail("series", "tables with y");
    FigureSeries series{text(json, "name"), {}, numbers(json["y"], "y"), strings(json, "labels")};
    if (json.contains("x")) series.x = numbers(json["x"], "x");
    if (!series.labels.empty() && series.labels.size() != series.y.size()) fail("labels", "as many strings as y has numbers");
    const bool may_lack_x = kind == "line" || kind == "bar";
    if (series.x.empty() && may_lack_x) return series;
    if (series.x.size() != series.y.size() + (kind == "histogram" ? 1 : 0))
      fail("x", kind == "histogram" ? "one edge more than y has counts" : "as many numbers as y");
    return series;
  }
};

}  // namespace

Json figure_to_json(const Figure& figure) {
  Json json{{"kind", figure.kind}, {"title", figure.title}};
  if (!figure.caption.empty()) json["caption"] = figure.caption;
  json["x"] = axis_to_json(figure.x);
  json["y"] = axis_to_json(figure.y);
  for (const FigureSeries& series : figure.series) {
    Json item = Json::object();
    if (!series.name.empty()) item["name"] = series.name;
    if (!series.x.empty()) item["x"] = numbers_to_json(series.x);
    item["y"] = numbers_to_json(series.y);
    if (!series.labels.empty()) item["labels"] = series.labels;
    json["series"].push_back(std::move(item));
  }
  for (const FigureMark& mark : figure.marks) json["marks"].push_back({{"at", mark.at}, {"label", mark.label}});
  for (const auto& row : figure.values) json["values"].push_back(numbers_to_json(row));
  return json;
}

Figure figure_from_json(const Json& json) {
  Reader reader{"?"};
  if (!json.is_object()) reader.fail("figure", "a table");
  Figure figure;
  figure.title = reader.text(json, "title");
  reader.title = figure.title;
  figure.kind = reader.text(json, "kind");
  const std::vector<std::string> kinds{"line", "scatter", "bar", "histogram", "heatmap"};
  if (std::find(kinds.begin(), kinds.end(), figure.kind) == kinds.end()) reader.fail("kind", "line, scatter, bar, histogram or heatmap");
  figure.caption = reader.text(json, "caption");
  figure.x = reader.axis(json, "x");
  figure.y = reader.axis(json, "y");
  for (const Json& item : json.value("series", Json::array())) figure.series.push_back(reader.series(item, figure.kind));
  for (const Json& item : json.value("marks", Json::array())) {
    if (!item.is_object() || !item.contains("at") || !item["at"].is_number()) reader.fail("marks", "tables with at and label");
    figure.marks.push_back({item["at"].get<double>(), reader.text(item, "label")});
  }
  for (const Json& row : json.value("values", Json::array())) figure.values.push_back(reader.numbers(row, "values"));
  if (figure.kind == "heatmap" ? figure.values.empty() : figure.series.empty())
    reader.fail(figure.kind == "heatmap" ? "values" : "series", "some data");
  return figure;
}

}  // namespace ablate
