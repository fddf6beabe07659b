// What a run leaves on disk.
//
//   DIR/<experiment>/results.json     {"experiment": ..., "rows": [{"point": {...}, "metrics": {...}}]}, rewritten as points finish
//   DIR/<experiment>/results.csv      the scalars of the same rows
//   DIR/<experiment>/manifest.json    what was run: configuration, device, versions
//   DIR/<experiment>/points/<id>/     row.json (written the moment the point is done), metrics.jsonl, checkpoint, dumped tensors
//   DIR/<experiment>/needed/<id>/     the same of a point that was not asked for, and that others take recorded means of
//
// Every file but metrics.jsonl is replaced atomically. NaN and infinities are null in JSON and empty in CSV; numbers come back bit for bit.
#pragma once

#include "base/file.h"
#include "experiment/fingerprint.h"
#include "experiment/needs.h"
#include "results/results_file.h"

#include <fstream>
#include <optional>
#include <set>

namespace ablate {

/// The row of a point that has been measured.
Row row_of(const Point& point, Metrics metrics);

/// The log of one training run: one JSON object per line with a `step`. A line is written in one piece, so after a kill at most the last is
/// torn.
class MetricsLog {
 public:
  /// Continues the log at `path`, keeping entries up to `last_step` (none by default); a torn last line is dropped. Throws RunError.
  explicit MetricsLog(const std::filesystem::path& path, std::int64_t last_step = -1);
  void append(const Metrics& entry);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

/// The entries of a metrics.jsonl, without a torn last line; empty if there is no such file.
std::vector<Metrics> read_log(const std::filesystem::path& path);

/// What manifest.json says besides the plan.
struct Environment {
  std::string version, device, driver;
  std::vector<std::string> caps, masked;
  std::map<std::string, std::string> shader_hashes;
  std::vector<std::string> notes;    ///< fallbacks taken, one line each
  std::vector<std::string> command;  ///< argv, to run it again
};

/// The folder of one experiment, locked as long as the object lives.
class ResultsFolder {
 public:
  /// Makes `out`/<plan.name> and locks it. With `resume` the rows of finished points are read back (a failed point counts as not finished,
  /// and so does a training that is to be longer now). Finished points and training checkpoints that other settings made are refused by
  /// InputError, and nothing is touched. Without it, what an earlier run left is moved to the folder `previous`, or `previous-2` and so on
  /// where that is taken. Throws InputError when the folder holds files and no run wrote it.
  ResultsFolder(const std::filesystem::path& out, const Plan& plan, bool resume);

  /// For a process that works on some points of a folder that another holds: no lock, and add() writes nothing but the point's row.json.
  static ResultsFolder of_worker(const std::filesystem::path& out, const Plan& plan);

  /// Takes over the row.json that a worker wrote. Throws InputError when it is missing or broken.
  void take_over(const Point& point);
  /// Workers started from now on keep the folder locked as long as they live.
  void share_lock() { lock_->share_with_children(); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path point(const Point& point) const;  ///< points/<id>, made if need be

  /// needed/<id>, made if need be: for a point that has no row here and is run because others need what it records.
  std::filesystem::path needed(const Point& point) const;
  /// Writes needed/<id>/row.json.
  void add_needed(const Row& row);
  /// How needed/<id> ended: why it failed, or "" if it did not; nothing if it is still to be run. Throws InputError when it was made with
  /// other settings.
  std::optional<std::string> needed_error(const Point& point) const;

  bool finished(const Point& point) const;
  /// Whether there is nothing to do for it: a finished row, or needed/<id> where that suffices. Throws as needed_error().
  bool finished(const Turn& turn) const;
  const std::vector<Row>& rows() const { return rows_; }  ///< in the order of the plan
  /// What is to be known of the results that are taken up, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

  /// What decides the point's numbers, with its files as they are when this is first asked for; until its row is added.
  const Fingerprint& fingerprint(const Point& point);

  /// Writes points/<id>/row.json, then results.json and results.csv (now, or with a later row where rewriting them would take a tenth of
  /// the time).
  void add(const Row& row);
  /// Gives the point the row, and the log of its training, of one that `alike` (first_alike) says comes to the same, if that has ended.
  /// Returns whether it had.
  bool add_alike(const Point& point, const std::vector<std::size_t>& alike);
  /// Writes results.json and results.csv.
  void flush();

  /// Whether the last manifest is old enough that writing one now takes no more than a tenth of the time.
  bool manifest_due() const;
  /// `configuration` is one resolved table per point of the plan (those of experiment/plan.h's `resolve`).
  void write_manifest(const Environment& environment, const std::vector<Value>& configuration, double wall_seconds);

 private:
  struct Worker {};
  ResultsFolder(const std::filesystem::path& out, const Plan& plan, Worker);
  void insert(const Row& row);
  Fingerprint made_with(const Row& row, const Point& point);
  void read_finished();
  /// What has ended in a point's folder, if this plan's settings made it and it need not go on. Throws InputError where others did.
  std::optional<Row> take_up(const Point& point, const std::filesystem::path& folder);
  std::optional<Row> ended(const Point& point, const std::filesystem::path& folder) const;
  std::size_t index_of(const Row& row) const;

  Plan plan_;
  std::map<std::string, std::size_t> index_;  // of a point's id in the plan
  std::filesystem::path path_;
  std::optional<FolderLock> lock_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
  std::map<std::string, Fingerprint> fingerprints_;                                 ///< of points that are being run, by id
  std::optional<SweepFingerprints> sweep_;                                          ///< of all points, once a manifest was wanted
  double last_flush_ = 0, flush_took_ = 0, last_manifest_ = 0, manifest_took_ = 0;  ///< seconds of a steady clock
};

}  // namespace ablate
