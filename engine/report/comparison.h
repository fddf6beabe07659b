// The table of a sweep: repeats averaged over their seeds, every row compared with the first, ours beside the paper's.
#pragma once

#include "report/metric.h"
#include "report/run.h"

#include <span>

namespace ablate::report {

/// The repeats (seeds) of one point in one run.
struct Group {
  std::string name;  ///< without the run's label
  std::size_t run = 0;
  std::vector<const Row*> rows;
  std::string family;     ///< rows of one family are compared with its first, and share charts (`group` in an experiment file)
  std::string full_name;  ///< with the run's label, where there are several runs
  std::string key;        ///< the class that all its lines have in common, whatever the chart: "g3"
  std::string classes;    ///< colour, dash and key, the same in every chart

  std::vector<const Row*> finished() const;
};

/// Whether activations of the row were infinite or NaN (probe.allow_non_finite): what was measured of it is not compared with anything.
bool has_non_finite(const Row& row);

/// A metric of one group, or a published value.
struct Cell {
  double mean = 0, spread = 0;  ///< over the finished repeats; NaN if there is none. Sample standard deviation, NaN for fewer than two.
  int count = 0;
  /// Two standard errors of the mean, what claims and arrows take for the reach of chance; NaN for fewer than three repeats.
  double reach() const;
  Direction direction = Direction::unknown;  ///< against the first row of the same run
  std::string change = {};                   ///< in words of metric.h
};

enum class Agreement { unknown, agrees, opposite, unclear };

struct MetricCells {
  std::vector<Cell> ours;  ///< one per run
  Cell reference;
  std::vector<Agreement> agreement;  ///< one per run
};

struct Line {
  std::string name;
  std::vector<const Group*> groups;      ///< one per run; null where that run has no such point
  std::vector<MetricCells> cells;        ///< one per metric of the comparison
  std::string anchor = {};               ///< the row's place on the page: "row-2-0"
  std::vector<std::size_t> claims = {};  ///< numbers of the claims that speak of it
};

struct Comparison {
  std::vector<MetricInfo> metrics;
  std::vector<bool> has_reference;  ///< one per metric: some line has a published value
  std::vector<Line> lines;
};

/// Rows of the same group become one; runs keep their order. The result points into `runs`.
std::vector<Group> group_rows(std::span<const Run> runs);

/// The families of the groups, in order; one nameless one where no row says its group.
std::vector<std::string> families_of(const std::vector<Group>& groups);

/// `keys` are metric names. The groups are those of one family.
Comparison compare(std::span<const Run> runs, const std::vector<Group>& groups, const std::vector<std::string>& keys);

/// All scalar metrics of the groups' rows, in order of appearance; those that have a published value.
std::vector<std::string> metrics_present(const std::vector<Group>& groups);
std::vector<std::string> metrics_with_reference(const std::vector<Group>& groups);

/// What the table shows, in a few sentences: the largest effects and how many changes go the paper's way.
std::string finding(const Comparison& comparison);

}  // namespace ablate::report
