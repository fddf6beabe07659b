#include "experiment/results.h"

#include "base/error.h"
#include "base/json.h"
#include "experiment/earlier_results.h"
#include "experiment/json.h"
#include "experiment/run/checkpoint_folder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace ablate {
namespace {

namespace fs = std::filesystem;

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

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

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(fmt::format("{}: cannot be made ({})", folder.string(), error.message()));
}

}  // namespace

Row Row::of(const Point& point, Metrics metrics) {
  return {point.id, point.name, point.label, point.group, point.swept, point.reference, std::move(metrics), ""};
}

Results read_results(const fs::path& path) {
  return parse_file(path, [&](const Json& json) {
    Results results{json.at("experiment").get<std::string>(), {}};
    for (const Json& row : json.at("rows")) results.rows.push_back(row_from_json(row));
    const Json claims = json.value("claims", Json::array());
    for (const Json& claim : claims)
      results.claims.push_back(
          {claim.at("text").get<std::string>(), claim.at("holds").get<std::string>(), claim.value("paper", ""), path.string()});
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

ResultsFolder::ResultsFolder(const fs::path& out, const Plan& plan, bool resume) : plan_(plan), path_(out / plan.name) {
  for (std::size_t i = 0; i < plan_.points.size(); ++i) index_.emplace(plan_.points[i].id, i);
  require_results_folder(path_);
  make_folder(path_);
  lock_.emplace(path_);
  try {
    if (!resume) move_to_previous(path_);
  } catch (const fs::filesystem_error& error) {
    throw RunError(fmt::format("{}: earlier results cannot be moved to previous/ ({})", path_.string(), error.code().message()));
  }
  if (!resume) return;
  read_finished();
  // From here on without the rows of points that go on, or that this plan does not have.
  if (fs::exists(path_ / "results.json")) write_results(path_, {plan_.name, rows_, plan_.claims});
}

ResultsFolder::ResultsFolder(const fs::path& out, const Plan& plan, Worker) : plan_(plan), path_(out / plan.name) {
  for (std::size_t i = 0; i < plan_.points.size(); ++i) index_.emplace(plan_.points[i].id, i);
}

ResultsFolder ResultsFolder::of_worker(const fs::path& out, const Plan& plan) { return {out, plan, Worker{}}; }

void ResultsFolder::take_over(const Point& point) {
  insert(parse_file(path_ / "points" / point.id / "row.json", [](const Json& json) { return row_from_json(json); }));
}

void ResultsFolder::read_finished() {
  for (const Point& point : plan_.points) {
    if (const auto row = take_up(point, path_ / "points" / point.id); row && row->error.empty())
      rows_.push_back(Row::of(point, row->metrics));
    take_up(point, path_ / "needed" / point.id);
  }
}

// Both are asked: an interrupted training has a checkpoint and no row, one that failed or was finished may have both.
std::optional<Row> ResultsFolder::take_up(const Point& point, const fs::path& folder) {
  const std::optional<SavedTraining> training = TrainingCheckpoint(folder).saved();
  if (training) {
    const Fingerprint now = Fingerprint::of(plan_, point);
    if (!require_continuable(training->settings, now, training->step, training->file.parent_path().string()))
      notes_.push_back(fmt::format("{}: {} steps are done; goes on to {} instead of {}", point.label, training->step, now.steps(),
                                   training->settings.steps()));
  }
  return ended(point, folder);
}

std::optional<Row> ResultsFolder::ended(const Point& point, const fs::path& folder) const {
  const fs::path file = folder / "row.json";
  if (!fs::exists(file)) return std::nullopt;
  auto [row, settings] = read_row(file);
  const std::int64_t done = row.error.empty() ? settings.steps() : 0;
  const bool same = require_continuable(settings, Fingerprint::of(plan_, point), done, file.string());
  return same ? std::optional(std::move(row)) : std::nullopt;
}

const Fingerprint& ResultsFolder::fingerprint(const Point& point) {
  const auto at = fingerprints_.find(point.id);
  return at != fingerprints_.end() ? at->second : fingerprints_.emplace(point.id, Fingerprint::of(plan_, point)).first->second;
}

fs::path ResultsFolder::point(const Point& point) const {
  const fs::path folder = path_ / "points" / point.id;
  make_folder(folder);
  return folder;
}

fs::path ResultsFolder::needed(const Point& point) const {
  const fs::path folder = path_ / "needed" / point.id;
  make_folder(folder);
  return folder;
}

void ResultsFolder::add_needed(const Row& row) {
  const Point& owner = plan_.points[index_of(row)];
  write_row(needed(owner) / "row.json", row, made_with(row, owner));
  fingerprints_.erase(owner.id);
}

std::optional<std::string> ResultsFolder::needed_error(const Point& point) const {
  const std::optional<Row> row = ended(point, path_ / "needed" / point.id);
  return row ? std::optional(row->error) : std::nullopt;
}

bool ResultsFolder::finished(const Point& point) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) { return row.id == point.id && row.error.empty(); });
}

bool ResultsFolder::finished(const Turn& turn) const {
  const Point& point = plan_.points.at(turn.index);
  return finished(point) || (!turn.has_row && needed_error(point) == "");
}

std::size_t ResultsFolder::index_of(const Row& row) const {
  const auto at = index_.find(row.id);
  if (at == index_.end()) throw RunError(fmt::format("there is no point {} in {}", row.id, plan_.name));
  return at->second;
}

// A point may have failed because a file of its is gone.
Fingerprint ResultsFolder::made_with(const Row& row, const Point& point) {
  try {
    return fingerprint(point);
  } catch (const InputError&) {
    if (row.error.empty()) throw;
    return Fingerprint::of(plan_, point, Fingerprint::Files::if_known);
  }
}

void ResultsFolder::add(const Row& row) {
  const Point& owner = plan_.points[index_of(row)];
  const Fingerprint settings = made_with(row, owner);
  fingerprints_.erase(owner.id);
  if (sweep_) sweep_->add(owner.id, settings);
  write_row(point(owner) / "row.json", row, settings);
  if (lock_) insert(row);
}

void ResultsFolder::insert(const Row& row) {
  const std::size_t index = index_of(row);
  std::erase_if(rows_, [&](const Row& other) { return other.id == row.id; });
  const auto after = std::partition_point(rows_.begin(), rows_.end(), [&](const Row& other) { return index_of(other) < index; });
  rows_.insert(after, row);
  if (seconds_now() - last_flush_ >= 10 * flush_took_) flush();
}

void ResultsFolder::flush() {
  const double start = seconds_now();
  write_results(path_, {plan_.name, rows_, plan_.claims});
  last_flush_ = seconds_now();
  flush_took_ = last_flush_ - start;
}

bool ResultsFolder::manifest_due() const { return seconds_now() - last_manifest_ >= 10 * manifest_took_; }

void ResultsFolder::write_manifest(const Environment& environment, const std::vector<Value>& configuration, double wall_seconds) {
  const double start = seconds_now();
  if (!sweep_) sweep_.emplace(plan_);
  const SweepFingerprints& settings = *sweep_;
  Json json = {{"experiment", plan_.name},
               {"kind", plan_.kind},
               {"title", plan_.title},
               {"description", plan_.description},
               {"file", plan_.source.generic_string()},
               {"set", plan_.sets},
               {"command", environment.command},
               {"version", environment.version},
               {"device", environment.device},
               {"driver", environment.driver},
               {"caps", environment.caps},
               {"masked_caps", environment.masked},
               {"shader_hashes", environment.shader_hashes},
               {"notes", environment.notes},
               {"wall_seconds", number_to_json(wall_seconds)},
               {"settings", settings.shared()},
               {"points", Json::array()}};
  for (std::size_t i = 0; i < plan_.points.size(); ++i) {
    const Point& point = plan_.points[i];
    Json entry = {{"id", point.id}, {"label", point.label}, {"name", point.name}};
    if (!point.group.empty()) entry["group"] = point.group;
    for (const auto& [key, value] : point.swept) entry["swept"][key] = value_to_json(value);
    for (const auto& [metric, value] : point.reference) entry["reference"][metric] = number_to_json(value);
    entry["configuration"] = value_to_json(i < configuration.size() ? configuration[i] : point.table);
    if (settings.knows(point.id)) entry["settings"] = settings.own().at(point.id);
    json["points"].push_back(std::move(entry));
  }
  write_atomically(path_ / "manifest.json", dump(json));
  last_manifest_ = seconds_now();
  manifest_took_ = last_manifest_ - start;
}

}  // namespace ablate
