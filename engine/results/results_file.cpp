#include "results/results_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "results/json.h"

#include <cmath>
#include <map>
#include <set>

namespace ablate {
namespace {

namespace fs = std::filesystem;

Value value_from_json(const Json& json) {
  if (json.is_boolean()) return {json.get<bool>(), ""};
  if (json.is_number_integer()) return {json.get<std::int64_t>(), ""};
  if (json.is_number()) return {json.get<double>(), ""};
  if (json.is_string()) return {json.get<std::string>(), ""};
  Value value;
  if (json.is_array()) {
    value.data = Value::Array{};
    for (const Json& item : json) value.as<Value::Array>()->push_back(value_from_json(item));
  } else if (json.is_object()) {
    value.data = Value::Table{};
    for (const auto& [key, item] : json.items()) value.as<Value::Table>()->emplace(key, value_from_json(item));
  }
  return value;
}

Json row_to_json(const Row& row) {
  Json point = {{"id", row.id}, {"label", row.label}};
  if (!row.name.empty()) point["name"] = row.name;
  if (!row.group.empty()) point["group"] = row.group;
  for (const auto& [key, value] : row.swept) point[key] = value_to_json(value);
  Json json = {{"point", point}, {"metrics", metrics_to_json(row.metrics)}};
  for (const auto& [metric, value] : row.reference) json["reference"][metric] = number_to_json(value);
  if (!row.error.empty()) json["error"] = row.error;
  return json;
}

Row row_from_json(const Json& json) {
  Row row;
  const Json& point = json.at("point");
  row.id = point.at("id").get<std::string>();
  row.label = point.at("label").get<std::string>();
  row.name = point.value("name", "");
  row.group = point.value("group", "");
  for (const auto& [key, value] : point.items()) {
    if (key != "id" && key != "label" && key != "name" && key != "group") row.swept.emplace_back(key, value_from_json(value));
  }
  row.metrics = metrics_from_json(json.at("metrics"));
  const Json reference = json.value("reference", Json::object());
  for (const auto& [metric, value] : reference.items()) row.reference.emplace_back(metric, value.get<double>());
  row.error = json.value("error", "");
  return row;
}

Json claim_to_json(const Claim& claim, const Judgement& judgement) {
  Json json = {{"text", claim.text},
               {"holds", claim.holds},
               {"verdict", to_text(judgement.verdict)},
               {"seeds", judgement.seeds},
               {"left", number_to_json(judgement.left)},
               {"right", number_to_json(judgement.right)}};
  if (!judgement.reason.empty()) json["reason"] = judgement.reason;
  if (!claim.paper.empty()) json["paper"] = claim.paper;
  if (!claim.needs.empty()) json["needs"] = claim.needs;
  return json;
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

template <class Read>
auto parse_file(const fs::path& path, Read&& read) {
  try {
    return read(parse_json<Json>(read_text(path), path.string()));
  } catch (const Json::exception& error) {
    bad_input("{}: not a file that Ablate wrote: {}", path.string(), error.what());
  }
}

/// A field of RFC 4180.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_field(const Metric& metric) {
  if (const auto* text = std::get_if<std::string>(&metric)) return csv_field(*text);
  const double number = std::get<double>(metric);
  return std::isfinite(number) ? fmt::format("{}", number) : "";
}

bool is_scalar(const Metric& metric) { return std::holds_alternative<double>(metric) || std::holds_alternative<std::string>(metric); }

class Csv {
 public:
  explicit Csv(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      lines_.emplace_back();
      put("id", row.id);
      put("label", row.label);
      if (!row.name.empty()) put("name", row.name);
      if (!row.group.empty()) put("group", row.group);
      for (const auto& [key, value] : row.swept) put(key, to_text(value));
      for (const auto& [name, metric] : row.metrics) {
        if (is_scalar(metric)) put(name, metric);
      }
      for (const auto& [name, value] : row.reference) put("reference." + name, value);
      if (!row.error.empty()) put("error", row.error);
    }
  }

  std::string text() const {
    std::string text = join(columns_);
    for (const auto& line : lines_) {
      std::vector<std::string> fields;
      for (const std::string& column : columns_) {
        const auto at = line.find(column);
        fields.push_back(at == line.end() ? "" : at->second);
      }
      text += join(fields);
    }
    return text;
  }

 private:
  void put(const std::string& column, const Metric& value) {
    if (known_.insert(column).second) columns_.push_back(column);
    lines_.back()[column] = csv_field(value);
  }

  static std::string join(const std::vector<std::string>& fields) {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) line += (i ? "," : "") + fields[i];
    return line + "\n";
  }

  std::vector<std::string> columns_;
  std::set<std::string> known_;
  std::vector<std::map<std::string, std::string>> lines_;
};

}  // namespace

void write_row(const fs::path& file, const Row& row, const Fingerprint& settings) {
  Json json = row_to_json(row);
  json["settings"] = settings.facts();
  write_atomically(file, dump(json));
}

/// A row and the settings that made it.
std::pair<Row, Fingerprint> read_row(const fs::path& file) {
  const auto [row, text] =
      parse_file(file, [](const Json& json) { return std::pair(row_from_json(json), json.value("settings", Json()).dump()); });
  return {row, Fingerprint::parse(text, file.string())};
}

Row read_row_only(const fs::path& file) {
  return parse_file(file, [](const Json& json) { return row_from_json(json); });
}

Results read_results(const fs::path& path) {
  return parse_file(path, [&](const Json& json) {
    Results results{json.at("experiment").get<std::string>(), {}};
    for (const Json& row : json.at("rows")) results.rows.push_back(row_from_json(row));
    const Json claims = json.value("claims", Json::array());
    for (const Json& claim : claims)
      results.claims.push_back({claim.at("text").get<std::string>(), claim.at("holds").get<std::string>(), claim.value("paper", ""),
                                path.string(), claim.value("needs", std::vector<std::string>())});
    return results;
  });
}

void write_results(const fs::path& folder, const Results& results) {
  Json json = {{"experiment", results.experiment}, {"rows", Json::array()}};
  for (const Row& row : results.rows) json["rows"].push_back(row_to_json(row));
  for (const Claim& claim : results.claims) json["claims"].push_back(claim_to_json(claim, judge(claim, results.rows)));
  write_atomically(folder / "results.json", dump(json));
  write_atomically(folder / "results.csv", Csv(results.rows).text());
}

}  // namespace ablate
