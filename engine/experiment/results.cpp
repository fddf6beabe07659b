#include "experiment/results.h"

#include "base/error.h"
#include "experiment/earlier_results.h"
#include "experiment/run/checkpoint_folder.h"
#include "results/json.h"

#include <algorithm>
#include <chrono>

namespace ablate {
namespace {

namespace fs = std::filesystem;

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

/// Refuses a folder that cannot be made because something else has its name, or that of a folder around it.
void refuse_obstacle(const fs::path& folder) {
  std::error_code none;
  fs::path part = folder;
  while (part.has_relative_path() && fs::symlink_status(part, none).type() == fs::file_type::not_found) part = part.parent_path();
  if (fs::is_symlink(part, none) && !fs::exists(part, none))
    bad_input("{}: is a link to {}, which is not there: results go into a folder, give another --out", part.string(),
              fs::read_symlink(part, none).string());
  require(!fs::exists(part, none) || fs::is_directory(part, none), "{}: is a file: results go into a folder, give another --out",
          part.string());
}

void make_folder(const fs::path& folder) {
  refuse_obstacle(folder);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(fmt::format("{}: cannot be made ({})", folder.string(), error.message()));
}

}  // namespace

Row row_of(const Point& point, Metrics metrics) {
  return {point.id, point.name, point.label, point.group, point.swept, point.reference, std::move(metrics), ""};
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

void ResultsFolder::take_over(const Point& point) { insert(read_row_only(path_ / "points" / point.id / "row.json")); }

void ResultsFolder::read_finished() {
  for (const Point& point : plan_.points) {
    if (const auto row = take_up(point, path_ / "points" / point.id); row && row->error.empty())
      rows_.push_back(row_of(point, row->metrics));
    take_up(point, path_ / "needed" / point.id);
  }
}

// Both are asked: an interrupted training has a checkpoint and no row, one that failed or was finished may have both.
std::optional<Row> ResultsFolder::take_up(const Point& point, const fs::path& folder) {
  const std::optional<SavedTraining> training = TrainingCheckpoint(folder).saved();
  if (training) {
    const Fingerprint now = fingerprint_of(plan_, point);
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
  const bool same = require_continuable(settings, fingerprint_of(plan_, point), done, file.string());
  return same ? std::optional(std::move(row)) : std::nullopt;
}

const Fingerprint& ResultsFolder::fingerprint(const Point& point) {
  const auto at = fingerprints_.find(point.id);
  return at != fingerprints_.end() ? at->second : fingerprints_.emplace(point.id, fingerprint_of(plan_, point)).first->second;
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
    return fingerprint_of(plan_, point, FileContents::if_known);
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

bool ResultsFolder::add_alike(const Point& to, const std::vector<std::size_t>& alike) {
  if (!plan_.collection) return false;
  const std::size_t wanted = alike.at(index_.at(to.id));
  const auto of =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.id != to.id && alike[index_of(row)] == wanted; });
  if (of == rows_.end()) return false;
  Row row = row_of(to, of->metrics);
  row.error = of->error;
  std::error_code none;  // not every point has a log
  fs::copy_file(path_ / "points" / of->id / "metrics.jsonl", point(to) / "metrics.jsonl", fs::copy_options::overwrite_existing, none);
  add(row);
  return true;
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
  if (!sweep_) sweep_ = sweep_fingerprints(plan_);
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
  for (const Claim& claim : plan_.claims)
    json["claims"].push_back({{"text", claim.text}, {"holds", claim.holds}, {"paper", claim.paper}, {"needs", claim.needs}});
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
