#include "experiment/report/merge.h"

#include "base/error.h"
#include "base/file.h"

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

/// Takes over every row of `part` that tells more than the one here.
void join(Run& run, Run part) {
  const auto rank = [](const Row& row) { return row.state == Row::State::done ? 2 : row.state == Row::State::failed ? 1 : 0; };
  for (Row& row : part.rows) {
    const auto same = std::find_if(run.rows.begin(), run.rows.end(), [&](const Row& other) { return other.id == row.id; });
    if (same == run.rows.end()) run.rows.push_back(std::move(row));
    else if (rank(row) > rank(*same) || (rank(row) == rank(*same) && row.curves.size() > same->curves.size())) *same = std::move(row);
  }
  std::sort(run.rows.begin(), run.rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
  for (const auto& fact : part.facts)
    if (std::find(run.facts.begin(), run.facts.end(), fact) == run.facts.end()) run.facts.push_back(fact);
  for (const std::string& note : part.notes)
    if (std::find(run.notes.begin(), run.notes.end(), note) == run.notes.end()) run.notes.push_back(note);
  run.command += run.command.empty() || part.command.empty() ? part.command : "\n" + part.command;
}

/// The shortest endings of the folders' paths that differ.
std::vector<std::string> labels_of(const std::vector<Run>& runs) {
  std::vector<std::string> labels;
  for (const Run& run : runs) labels.push_back(run.experiment);
  for (int depth = 1; depth < 4; ++depth) {
    std::vector<std::string> sorted = labels;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) return labels;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      fs::path path = fs::weakly_canonical(runs[i].folder);
      if (path.filename().empty()) path = path.parent_path();
      fs::path label = path.filename();
      for (int up = 1; up < depth; ++up) path = path.parent_path(), label = path.filename() / label;
      labels[i] = label.generic_string();
    }
  }
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = fmt::format("{} {}", i + 1, labels[i]);
  return labels;
}

Json read_object(const fs::path& path) {
  Json json = Json::parse(read_text(path), nullptr, false);
  require(json.is_object(), "{}: expected a JSON object", path.string());
  return json;
}

std::string id_of(const Json& item) { return item.contains("id") ? item["id"].get<std::string>() : item["point"].dump(); }

/// Adds the items of `part` to `list` by id. `same` says what to do about one that is there already.
template <class Same>
void collect(const Json& part, std::map<std::string, Json>& list, const Same& same) {
  for (const Json& item : part) {
    const auto [entry, added] = list.emplace(id_of(item), item);
    if (!added) same(entry->second, item);
  }
}

Json in_order(const std::map<std::string, Json>& items) {
  Json list = Json::array();
  for (const auto& [id, item] : items) list.push_back(item);
  return list;
}

}  // namespace

std::vector<Run> side_by_side(std::vector<Run> runs) {
  std::vector<Run> joined;
  for (Run& run : runs) {
    const auto partner = std::find_if(joined.begin(), joined.end(), [&](const Run& other) {
      return other.experiment == run.experiment && !finished_in_both(other, run);
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
  require(!fs::exists(out / "results.json"), "{}: holds results already; --merge wants a new folder", out.string());
  Json manifest, results;
  std::map<std::string, Json> points, rows;
  for (const fs::path& folder : folders) {
    const Json one = read_object(folder / "results.json"), made = read_object(folder / "manifest.json");
    require(results.is_null() || results["experiment"] == one["experiment"], "{}: experiment {} cannot be merged with {}", folder.string(),
            one["experiment"].dump(), results["experiment"].dump());
    if (results.is_null()) results = one, manifest = made;
    collect(one.value("rows", Json::array()), rows, [&](Json& here, const Json& other) {
      if (here.contains("error") && here["error"] != "") here = other;
      require(here == other || (other.contains("error") && other["error"] != ""), "{}: point {} has other results in an earlier folder",
              folder.string(), id_of(other));
    });
    collect(made.value("points", Json::array()), points, [](Json&, const Json&) {});
    if (&folder != &folders.front()) manifest["wall_seconds"] = manifest.value("wall_seconds", 0.0) + made.value("wall_seconds", 0.0);
  }
  results["rows"] = in_order(rows);
  manifest["points"] = in_order(points);
  fs::create_directories(out / "points");
  for (const fs::path& folder : folders)
    if (fs::is_directory(folder / "points"))
      fs::copy(folder / "points", out / "points", fs::copy_options::recursive | fs::copy_options::update_existing);
  write_atomically(out / "manifest.json", manifest.dump(2) + "\n");
  write_atomically(out / "results.json", results.dump(2) + "\n");
}

}  // namespace ablate::report
