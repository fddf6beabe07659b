#include "report/run.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "report/text.h"
#include "results/figure_json.h"
#include "results/json.h"
#include "results/label.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

namespace ablate::report {
namespace {

namespace fs = std::filesystem;

// Files of an interrupted or older run may lack anything, so every access here has an answer for a missing key and a wrong type.

const Json& at(const Json& json, std::string_view key) {
  static const Json nothing;
  if (!json.is_object()) return nothing;
  const auto found = json.find(key);
  return found == json.end() ? nothing : *found;
}

std::string text(const Json& json) { return json.is_null() ? "" : json.is_string() ? json.get<std::string>() : json.dump(); }

double numeric(const Json& json) { return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN(); }

std::vector<double> numbers(const Json& json) {
  std::vector<double> values;
  if (json.is_array())
    for (const Json& item : json) values.push_back(numeric(item));
  return values;
}

std::vector<std::vector<double>> matrix(const Json& json) {
  std::vector<std::vector<double>> rows;
  if (json.is_array())
    for (const Json& item : json) rows.push_back(numbers(item));
  return rows;
}

/// Block numbers, given as 4 or as "block.4".
std::vector<int> blocks(const Json& json) {
  std::vector<int> list;
  if (!json.is_array()) return list;
  for (const Json& item : json) {
    const std::string name = text(item);
    const std::size_t digits = name.find_first_of("0123456789");
    if (digits != std::string::npos) list.push_back(std::atoi(name.c_str() + digits));
  }
  return list;
}

std::vector<std::pair<std::string, double>> named_numbers(const Json& json) {
  std::vector<std::pair<std::string, double>> list;
  if (json.is_object())
    for (const auto& [key, value] : json.items())
      if (value.is_number()) list.emplace_back(key, value.get<double>());
  return list;
}

/// The file as JSON; nothing, with a sentence in `missing`, where that is impossible.
std::optional<Json> read_json(const fs::path& path, std::vector<std::string>& missing) {
  if (!fs::exists(path)) {
    missing.push_back(path.filename().string() + " is not there.");
    return std::nullopt;
  }
  try {
    if (Json json = parse_json<Json>(read_text(path), path.string()); json.is_object()) return json;
    missing.push_back(path.filename().string() + " is damaged: it is not a JSON object.");
  } catch (const InputError& error) {
    missing.push_back(fmt::format("{} is damaged: {}.", path.filename().string(), error.what()));
  }
  return std::nullopt;
}

/// `key` of a row or of its point.
const Json& of_row(const Json& row, std::string_view key) { return at(row, key).is_null() ? at(at(row, "point"), key) : at(row, key); }

/// Of a row of results.json or row.json, or of a point of manifest.json.
void read_identity(const Json& json, Row& row) {
  row.id = text(of_row(json, "id"));
  row.seed = text(at(at(json, at(json, "point").is_null() ? "swept" : "point"), "seed"));
  row.name = text(of_row(json, "name"));
  row.label = text(of_row(json, "label"));
  if (row.label.empty()) row.label = row.id;
  row.group = without_seed(row.label, row.seed);
  row.family = text(of_row(json, "group"));
  row.reference = named_numbers(of_row(json, "reference"));
}

/// Lines and bars that leave x out stand at 0, 1, 2, ...
void number_positions(Figure& figure) {
  for (FigureSeries& series : figure.series)
    for (std::size_t i = series.x.size(); i < series.y.size(); ++i) series.x.push_back(static_cast<double>(i));
}

void read_metrics(const Json& metrics, Row& row, std::vector<std::string>& missing) {
  row.metrics = named_numbers(metrics);
  Json without_figures = metrics;
  if (without_figures.is_object()) without_figures.erase("figures");
  if (without_figures.is_object()) row.all_metrics = metrics_from_json(without_figures);
  row.spike_per_state = numbers(at(metrics, "spike_per_state"));
  row.top_per_state = matrix(at(metrics, "top_per_state"));
  row.median_per_state = numbers(at(metrics, "median_per_state"));
  row.step_up_blocks = blocks(at(metrics, "step_up_blocks"));
  row.step_down_blocks = blocks(at(metrics, "step_down_blocks"));
  if (at(metrics, "blocks_per_state") == 2)  // then two of them turn a state into the next
    for (auto* list : {&row.step_up_blocks, &row.step_down_blocks})
      for (int& block : *list) block = (block + 1) / 2;
  row.sink_score = matrix(at(metrics, "sink_score"));
  const Json& figures = at(metrics, "figures");
  if (!figures.is_array()) return;
  for (const Json& figure : figures) try {
      row.figures.push_back(figure_from_json(figure));
      number_positions(row.figures.back());
    } catch (const InputError& error) {
      missing.push_back(row.id + ": " + error.what());
    }
}

/// Those of results.json, or of the manifest where a run was stopped before its results were written. One that this version cannot read is
/// told in `missing`.
void read_run_claims(const Json& results, const Json& manifest, Run& run) {
  const Json& source = at(results, "claims").is_array() ? results : manifest;
  for (const Json& claim : at(source, "claims")) {
    Claim read{text(at(claim, "text")), text(at(claim, "holds")), text(at(claim, "paper")), (run.folder / "results.json").string()};
    for (const Json& label : at(claim, "needs")) read.needs.push_back(text(label));
    try {
      metrics_of(read);
      run.claims.push_back(std::move(read));
    } catch (const InputError& error) {
      run.missing.push_back(fmt::format("A claim is left out: {}.", error.what()));
    }
  }
}

/// metrics.jsonl, one object per logged step. A torn last line (the run was killed while writing it) is left out; any other is missed.
void read_curves(const fs::path& path, double tokens_per_step, Row& row, std::vector<std::string>& missing) {
  std::ifstream file(path);
  row.curves_by_tokens = std::isfinite(tokens_per_step);
  int number = 0;
  bool damaged = false;
  for (std::string line; std::getline(file, line); ++number) {
    if (std::exchange(damaged, false)) missing.push_back(fmt::format("{}:{} is damaged: it is not a JSON object.", path.string(), number));
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) {
      damaged = true;
      continue;
    }
    const double step = numeric(at(json, "step")), tokens = numeric(at(json, "tokens"));
    if (std::isfinite(tokens)) row.curves_by_tokens = true;
    const double place = std::isfinite(tokens) ? tokens : row.curves_by_tokens ? (step + 1) * tokens_per_step : step;
    for (const auto& [key, value] : json.items()) {
      if (key == "step" || key == "tokens" || !value.is_number() || !std::isfinite(place)) continue;
      row.curves[key].at.push_back(place);
      row.curves[key].value.push_back(value.get<double>());
    }
  }
}

double tokens_per_step(const Json& configuration) {
  const Json& train = at(configuration, "train");
  return numeric(at(train, "batch")) * numeric(at(train, "seq_len"));
}

/// Every leaf of a table under its dotted name.
void flatten(const Json& json, const std::string& prefix, std::map<std::string, std::string>& out) {
  if (!json.is_object()) {
    out[prefix] = text(json);
    return;
  }
  for (const auto& [key, value] : json.items()) flatten(value, prefix.empty() ? key : prefix + "." + key, out);
}

/// The settings that all points have in common.
std::vector<std::pair<std::string, std::string>> shared_settings(const std::vector<Json>& tables) {
  std::map<std::string, std::string> shared;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    std::map<std::string, std::string> one;
    flatten(tables[i], "", one);
    if (i == 0) shared = one;
    std::erase_if(shared, [&](const auto& entry) { return !one.contains(entry.first) || one[entry.first] != entry.second; });
  }
  return {shared.begin(), shared.end()};
}

/// A word as a shell would need it typed.
std::string shell_word(const std::string& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// Items with `separator` between them.
std::string joined(const std::vector<std::string>& items, std::string_view separator) {
  std::string out;
  for (const std::string& item : items) out.append(out.empty() ? "" : separator).append(item);
  return out;
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> items;
  for (const Json& item : list) items.push_back(text(item));
  return items;
}

std::string command_line(const Json& command) {
  std::vector<std::string> words = texts(command);
  if (!words.empty()) words[0] = fs::path(words[0]).filename().string();
  for (std::string& word : words) word = shell_word(word);
  return joined(words, " ");
}

/// Distinct values of one setting over all points, as "f32" or "256, 1024".
std::string values_of(const std::vector<Json>& tables, const std::string& section, const std::string& key) {
  std::vector<std::string> values;
  for (const Json& table : tables)
    if (const std::string value = text(at(section.empty() ? table : at(table, section), key));
        !value.empty() && std::find(values.begin(), values.end(), value) == values.end())
      values.push_back(value);
  return joined(values, ", ");
}

void read_facts(const Json& manifest, const std::vector<Json>& tables, Run& run) {
  const auto fact = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) run.facts.emplace_back(name, value);
  };
  fact("Device", text(at(manifest, "device")));
  fact("Driver", text(at(manifest, "driver")));
  fact("Switched off", joined(texts(at(manifest, "masked_caps")), ", "));
  fact("Precision", values_of(tables, "train", "precision"));
  fact("Seed", values_of(tables, "", "seed"));
  if (const double seconds = numeric(at(manifest, "wall_seconds")); std::isfinite(seconds)) fact("Wall time", duration(seconds));
  double low = INFINITY, high = 0;
  for (const Row& row : run.rows)
    if (const double rate = value_of(row.metrics, "tokens_per_s"); rate > 0) low = std::min(low, rate), high = std::max(high, rate);
  if (high > 0)
    fact("Tokens per second",
         high > 1.02 * low ? short_number(std::round(low)) + " to " + short_number(std::round(high)) : short_number(std::round(high)));
  fact("Steps", values_of(tables, "train", "steps"));
  fact("Batch", values_of(tables, "train", "batch"));
  fact("Sequence length", values_of(tables, "train", "seq_len"));
  fact("Checkpoint", values_of(tables, "model", "checkpoint"));
  fact("Version", text(at(manifest, "version")));
  fact("Experiment file", text(at(manifest, "file")));
  fact("Settings given", joined(texts(at(manifest, "set")), ", "));
}

Fingerprint::Facts facts_of(const Json& object) {
  Fingerprint::Facts facts;
  if (object.is_object())
    for (const auto& [key, value] : object.items()) facts[key] = text(value);
  return facts;
}

SweepFingerprints settings_of(const Json& manifest) {
  std::map<std::string, Fingerprint::Facts> own;
  for (const Json& point : at(manifest, "points"))
    if (at(point, "settings").is_object()) own[text(at(point, "id"))] = facts_of(at(point, "settings"));
  return {facts_of(at(manifest, "settings")), std::move(own)};
}

/// Rows of the manifest's plan, still without results.
std::vector<Row> planned_rows(const Json& manifest) {
  std::vector<Row> rows;
  for (const Json& point : at(manifest, "points")) {
    Row row;
    read_identity(point, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

void read_row(const Json& json, Run& run) {
  Row row;
  read_identity(json, row);
  row.error = text(at(json, "error"));
  row.state = row.error.empty() ? Row::State::done : Row::State::failed;
  read_metrics(at(json, "metrics"), row, run.missing);
  const auto planned = std::find_if(run.rows.begin(), run.rows.end(), [&](const Row& other) { return other.id == row.id; });
  if (planned == run.rows.end()) run.rows.push_back(std::move(row));
  else if (planned->state == Row::State::unfinished) *planned = std::move(row);
}

std::string listed(std::vector<std::string> names) {
  constexpr std::size_t most = 6;
  const std::size_t more = names.size() > most ? names.size() - most : 0;
  names.resize(names.size() - more);
  return joined(names, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "");
}

/// Whether a point's own row is one of the manifest's plan and made with its settings; so far as the manifest says.
bool belongs(const Json& row, const Run& run, const std::set<std::string>& planned) {
  const std::string id = text(of_row(row, "id"));
  if (!run.settings.knows(id)) return planned.empty() || planned.contains(id);
  return at(row, "settings").is_object() && differences(Fingerprint(facts_of(at(row, "settings"))), run.settings.at(id)).empty();
}

/// Points that finished after results.json was last written, or whose results.json is lost, have their row in their own folder. There may be
/// points of another plan besides, in a folder that a changed experiment was resumed in; and those that are to go on.
void read_rows_of_points(const fs::path& points, Run& run, const std::set<std::string>& planned) {
  std::set<fs::path> files;
  std::error_code none;
  for (const fs::directory_entry& point : fs::directory_iterator(points, none))
    if (fs::exists(point.path() / "row.json")) files.insert(point.path() / "row.json");
  std::vector<std::string> others;
  for (const fs::path& file : files) {
    const std::optional<Json> json = read_json(file, run.missing);
    if (json && belongs(*json, run, planned)) read_row(*json, run);
    else if (json) others.push_back(file.parent_path().filename().string());
  }
  if (!others.empty()) run.missing.push_back(fmt::format("Left out, because other settings made them: {}.", listed(others)));
}

}  // namespace

void tell_what_is_missing(Run& run) {
  std::vector<std::string> unfinished;
  for (const Row& row : run.rows) {
    if (row.state == Row::State::failed) run.missing.push_back(fmt::format("{} failed: {}", row.id, row.error));
    if (row.state == Row::State::unfinished) unfinished.push_back(row.id);
  }
  if (!unfinished.empty())
    run.missing.push_back(fmt::format("{} of {} points have no result yet: {}.", unfinished.size(), run.rows.size(), listed(unfinished)));
}

bool is_called(const std::string& called, const Row& row) { return called == row.name || called == row.group; }

double value_of(const std::vector<std::pair<std::string, double>>& values, const std::string& name) {
  for (const auto& [key, value] : values)
    if (key == name) return value;
  return std::numeric_limits<double>::quiet_NaN();
}

static bool is_run(const fs::path& folder) {
  return fs::exists(folder / "manifest.json") || fs::exists(folder / "results.json") || fs::is_directory(folder / "points");
}

std::vector<fs::path> run_folders(const fs::path& folder) {
  std::vector<fs::path> inside;
  std::error_code none;
  if (!is_run(folder))
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, none))
      if (is_run(entry.path())) inside.push_back(entry.path());
  std::sort(inside.begin(), inside.end());
  return inside.empty() ? std::vector{folder} : inside;
}

SweepFingerprints read_settings(const fs::path& folder) {
  std::vector<std::string> missing;
  return settings_of(read_json(folder / "manifest.json", missing).value_or(Json::object()));
}

Run read_run(const fs::path& folder) {
  require(fs::is_directory(folder), "{}: no such folder; expected the folder of a run, as `ablate run` writes it", folder.string());
  require(is_run(folder),
          "{}: neither manifest.json nor results.json nor points/ is there; expected the folder of a run, as `ablate run` writes it",
          folder.string());
  Run run;
  run.folder = folder;
  const std::optional<Json> manifest_file = read_json(folder / "manifest.json", run.missing),
                            results_file = read_json(folder / "results.json", run.missing);
  const Json manifest = manifest_file.value_or(Json::object()), results = results_file.value_or(Json::object());

  for (const Json& source : {results, manifest})
    if (run.experiment.empty()) run.experiment = text(at(source, "experiment"));
  if (run.experiment.empty()) run.experiment = fs::weakly_canonical(folder).filename().string();
  run.title = text(at(manifest, "title"));
  if (run.title.empty()) run.title = run.experiment;
  run.description = text(at(manifest, "description"));
  run.command = command_line(at(manifest, "command"));
  for (const Json& note : at(manifest, "notes")) run.notes.push_back(text(note));

  read_run_claims(results, manifest, run);
  run.settings = settings_of(manifest);
  run.rows = planned_rows(manifest);
  std::set<std::string> planned;
  for (const Row& row : run.rows)
    if (!row.id.empty()) planned.insert(row.id);
  for (const Json& row : at(results, "rows")) read_row(row, run);
  read_rows_of_points(folder / "points", run, planned);

  std::map<std::string, double> tokens;
  std::vector<Json> tables;
  for (const Json& point : at(manifest, "points"))
    if (const Json& table = at(point, "configuration"); table.is_object()) {
      tables.push_back(table);
      tokens[text(at(point, "id"))] = tokens_per_step(table);
    }
  for (Row& row : run.rows) {
    if (fs::path(row.id).filename() != row.id) continue;
    const auto known = tokens.find(row.id);
    read_curves(folder / "points" / row.id / "metrics.jsonl",
                known == tokens.end() ? std::numeric_limits<double>::quiet_NaN() : known->second, row, run.missing);
  }
  read_facts(manifest, tables, run);
  run.shared = shared_settings(tables);
  return run;
}

}  // namespace ablate::report
