// An experiment file and what it asks for: a list of points, each a complete table of settings.
//
// How a point's table comes about, later beats earlier:
//   1. the files of the `extends` chain, the base first, each laid over the one before, key by key; right after each file its own
//      `[scales.NAME]` table, where NAME is the top-level key `scale`
//   2. the point's variant (a `[[variant]]` table: `name`, any keys, an optional `reference`), after the earlier one it says it is `like`
//   3. the point's values of the swept keys (`[sweep]`, any dotted key = a list)
//   4. `--set key=value`; setting a swept key takes it out of the sweep
//   5. strings that start with "=" are arithmetic over other keys of the result (experiment/expression.h); `[let]` holds numbers that
//      only such expressions use
#pragma once

#include "base/settings.h"
#include "results/claim.h"

#include <filesystem>
#include <utility>

namespace ablate {

struct Point {
  std::string id;                                    ///< "03-sandwich-seed-1": stable, unique, a file name
  std::string kind;                                  ///< "probe", "intervene" or "train": the plan's, unless its variant says otherwise
  std::string name;                                  ///< the variant's name; without variants the swept values; else the experiment's name
  std::string label;                                 ///< name and swept values: "sandwich, seed=1"
  std::string group;                                 ///< rows of one group stand together and are compared with its first; may be empty
  std::vector<std::pair<std::string, Value>> swept;  ///< the swept keys with this point's values, in the order of the file
  std::vector<std::pair<std::string, double>> reference;  ///< published values of this point's metrics
  Value table;                                            ///< every key as resolved: model, data, train, ..., seed

  /// A fresh reader of `table`; what the plan itself reads (name, kind, title, ...) counts as read.
  Settings settings() const;
};

/// The keys that say how points come about, apart from those that points have (experiment/readers.h).
const std::vector<std::pair<Key, KeyFacts::Type>>& file_keys();

struct Plan {
  std::string name;         ///< also the folder of the results
  std::string kind;         ///< "probe", "intervene" or "train"; "collection" for files of several kinds
  std::string title;        ///< one line; the name if the file has none
  std::string description;  ///< may be empty, may have several lines
  std::filesystem::path source;
  bool collection = false;         ///< of several files (`include`): points with the same settings are run once
  std::vector<std::string> sets;   ///< the assignments it was read with
  std::vector<Claim> claims;       ///< what the experiment says it shows
  std::vector<std::string> notes;  ///< what the plan does without, one line each
  std::vector<Point> points;
};

/// Reads `file` with what it extends. Throws InputError, one line with place and key.
Plan read_plan(const std::filesystem::path& file, const std::vector<std::string>& sets = {});

/// The same for text that stands for the content of `file`.
Plan parse_plan(std::string_view text, const std::filesystem::path& file, const std::vector<std::string>& sets = {});

/// Reads every section of the point that someone registered a reader for and returns the table with the defaults filled in. Throws
/// InputError for wrong types, bad values and unknown keys. Needs no device.
Value resolve(const Point& point);

/// A part of a sweep: points, and every n-th of what is left, starting at the k-th. `points` are lists with commas of numbers (1 is the
/// first), ranges of them ("7-9"), ids, variant names and labels; a name that holds commas is found too.
struct Selection {
  std::vector<std::string> points;
  int shard = 1, shards = 1;
};

/// Indices into plan.points, ascending. Throws InputError when a name matches nothing.
std::vector<std::size_t> select(const Plan& plan, const Selection& selection);

}  // namespace ablate
