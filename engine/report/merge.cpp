#include "report/merge.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "results/fingerprint.h"
#include "results/join_claims.h"
#include "results/results_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace ablate::report {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

bool finished_in_both(const Run& a, const Run& b) {
  return std::any_of(a.rows.begin(), a.rows.end(), [&](const Row& row) {
    return row.state == Row::State::done && std::any_of(b.rows.begin(), b.rows.end(), [&](const Row& other) {
             return other.id == row.id && other.state == Row::State::done;
           });
  });
}

/// Whether both are parts of one sweep: what made their points is known, and the same.
bool same_settings(const Run& a, const Run& b) {
  return !a.settings.empty() && !b.settings.empty() && !first_conflict(a.settings, b.settings);
}

/// Takes over every row of `part` that tells more than the one here.
void join(Run& run, Run part) {
  const auto rank = [](const Row& row) { return row.state == Row::State::done ? 2 : row.state == Row::State::failed ? 1 : 0; };
  for (Row& row : part.rows) {
    const auto same = std::find_if(run.rows.begin(), run.rows.end(), [&](const Row& other) { return other.id == row.id; });
    if (same == run.rows.end()) run.rows.push_back(std::move(row));
    else if (rank(row) > rank(*same) || (rank(row) == rank(*same) && row.curves.size() > same->curves.size())) *same = std::move(row);
  }
  std::sort(run.rows.begin(), run.rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
  join_claims(run.claims, part.claims);
  for (const auto& fact : part.facts)
    if (std::find(run.facts.begin(), run.facts.end(), fact) == run.facts.end()) run.facts.push_back(fact);
  for (const std::string& note : part.notes)
    if (std::find(run.notes.begin(), run.notes.end(), note) == run.notes.end()) run.notes.push_back(note);
  for (const auto& [id, own] : part.settings.own()) run.settings.add(id, part.settings.at(id));
  run.command += run.command.empty() || part.command.empty() ? part.command : "\n" + part.command;
}

/// The names of the runs' folders, or of the folders `up` above them.
std::vector<std::string> folder_names(const std::vector<Run>& runs, int up) {
  std::vector<std::string> names;
  for (const Run& run : runs) {
    fs::path path = fs::weakly_canonical(run.folder / ".").parent_path();
    for (int i = 0; i < up; ++i) path = path.parent_path();
    names.push_back(path.filename().string());
  }
  return names;
}

bool all_differ(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

/// What tells the runs apart: the experiments' names, else those of their folders, else of the folders around them.
std::vector<std::string> labels_of(const std::vector<Run>& runs) {
  std::vector<std::string> labels;
  for (const Run& run : runs) labels.push_back(run.experiment);
  for (int up = 0; up < 3 && !all_differ(labels); ++up) labels = folder_names(runs, up);
  for (std::size_t i = 0; i < labels.size() && !all_differ(labels); ++i) labels[i] = fmt::format("{} {}", i + 1, runs[i].experiment);
  return labels;
}

/// A row of one part meets the rows of the parts before it.
void add_row(std::map<std::string, ablate::Row>& rows, const ablate::Row& row, const fs::path& folder) {
  const auto [entry, added] = rows.emplace(row.id, row);
  if (added || !row.error.empty()) return;
  if (!entry->second.error.empty()) entry->second = row;
  require(to_json(entry->second.metrics) == to_json(row.metrics), "{}: point {} has other results in an earlier folder", folder.string(),
          row.id);
}

Json manifest_of(const fs::path& folder) {
  Json manifest = parse_json<Json>(read_text(folder / "manifest.json"), (folder / "manifest.json").string());
  require(manifest.is_object() && manifest.contains("points") && manifest["points"].is_array(), "{}: expected the manifest of a run",
          (folder / "manifest.json").string());
  return manifest;
}

/// What made a part's points: those of its plan as the manifest has them, those that it ran as their rows have them.
SweepFingerprints settings_of(const fs::path& folder, const std::vector<ablate::Row>& rows) {
  SweepFingerprints settings = read_settings(folder);
  for (const ablate::Row& row : rows) {
    const fs::path file = folder / "points" / row.id / "row.json";
    const Json json = fs::exists(file) ? Json::parse(read_text(file), nullptr, false) : Json();
    if (json.is_null() && settings.knows(row.id)) continue;
    settings.add(row.id, Fingerprint::parse(json.is_object() ? json.value("settings", Json()).dump() : "", file.string()));
  }
  return settings;
}

/// The settings of all parts. Refuses one whose points would have been made otherwise, by it or by the parts before.
SweepFingerprints joined_settings(const std::vector<fs::path>& folders, const std::vector<Results>& parts) {
  SweepFingerprints all;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const SweepFingerprints settings = settings_of(folders[i], parts[i].rows);
    const auto conflict = first_conflict(all, settings);
    require(!conflict, "{}: point {} has other settings here than in an earlier folder: {}", folders[i].string(),
            conflict ? conflict->first : "", conflict ? to_text(conflict->second) : "");
    for (const auto& [id, own] : settings.own()) all.add(id, all.knows(id) ? completed(all.at(id), settings.at(id)) : settings.at(id));
  }
  return all;
}

/// The first part's manifest with the points, settings and wall time of all.
std::string merged_manifest(const std::vector<fs::path>& folders, const SweepFingerprints& settings) {
  Json manifest;
  std::map<std::string, Json> points;
  double wall_seconds = 0;
  for (const fs::path& folder : folders) {
    const Json part = manifest_of(folder);
    if (manifest.is_null()) manifest = part;
    for (const Json& point : part["points"])
      if (point.is_object()) points.emplace(point.value("id", ""), point);
    if (part.contains("wall_seconds") && part["wall_seconds"].is_number()) wall_seconds += part["wall_seconds"].get<double>();
  }
  manifest["settings"] = settings.shared();
  manifest["points"] = Json::array();
  for (auto& [id, point] : points) {
    if (settings.knows(id)) point["settings"] = settings.own().at(id);
    manifest["points"].push_back(point);
  }
  manifest["wall_seconds"] = wall_seconds;
  return manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void copy_points(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (!error && fs::is_directory(from)) fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::update_existing, error);
  if (error) throw RunError(fmt::format("{}: cannot be copied to {} ({})", from.string(), to.string(), error.message()));
}

}  // namespace

std::vector<Run> side_by_side(std::vector<Run> runs) {
  std::vector<Run> joined;
  for (Run& run : runs) {
    const auto partner = std::find_if(joined.begin(), joined.end(), [&](const Run& other) {
      return other.experiment == run.experiment && !finished_in_both(other, run) && same_settings(other, run);
    });
    if (partner == joined.end()) joined.push_back(std::move(run));
    else join(*partner, std::move(run));
  }
  for (Run& run : joined) tell_what_is_missing(run);
  if (joined.size() == 1) return joined;
  const std::vector<std::string> labels = labels_of(joined);
  for (std::size_t i = 0; i < joined.size(); ++i) joined[i].label = labels[i];
  return joined;
}

void merge_runs(const std::vector<fs::path>& folders, const fs::path& out) {
  require(!fs::exists(out) || (fs::is_directory(out) && fs::is_empty(out)), "{}: holds {} already; --merge wants a new folder",
          out.string(), fs::exists(out / "results.json") ? "results" : "files");
  std::vector<Results> parts;
  for (const fs::path& folder : folders) {
    parts.push_back(read_results(folder / "results.json"));
    require(parts.back().experiment == parts[0].experiment, "{}: experiment \"{}\" cannot be merged with \"{}\"", folder.string(),
            parts.back().experiment, parts[0].experiment);
  }
  const std::string manifest = merged_manifest(folders, joined_settings(folders, parts));
  std::map<std::string, ablate::Row> rows;
  for (std::size_t i = 0; i < folders.size(); ++i)
    for (const ablate::Row& row : parts[i].rows) add_row(rows, row, folders[i]);
  Results merged{parts.at(0).experiment, {}, {}};
  for (const Results& part : parts) join_claims(merged.claims, part.claims);
  for (auto& [id, row] : rows) merged.rows.push_back(std::move(row));
  for (const fs::path& folder : folders) copy_points(folder / "points", out / "points");
  write_atomically(out / "manifest.json", manifest);
  write_results(out, merged);
}

}  // namespace ablate::report
