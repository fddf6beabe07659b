// What a point's kernels have to do, and how long that takes on a device that was watched doing some of it.
#pragma once

#include "graph/executor.h"

#include <map>
#include <optional>
#include <span>
#include <string>

namespace ablate {

struct KernelWork {
  double flop = 0, bytes = 0, launches = 0;
};

/// By shader.
class Work {
 public:
  /// The dispatches of `graph`, so many times.
  void add(const Graph& graph, double times);
  double flop() const;
  const std::map<std::string, KernelWork>& kernels() const { return kernels_; }

 private:
  std::map<std::string, KernelWork> kernels_;
};

/// Seconds per kernel as they were measured.
class Pace {
 public:
  /// What every dispatch of `graph` took on its own, and what all of them took in a run that nobody watched (seconds).
  void watch(const Graph& graph, std::span<const DispatchTime> times, double together);
  bool known() const { return !seen_.empty(); }

  /// Each kernel goes on at the rate it was seen at, one that was not seen at the rate of all; no launch is shorter than the shortest.
  double seconds(const Work& work) const;

 private:
  struct Seen {
    double size = 0, seconds = 0, launches = 0;
  };
  std::map<std::string, Seen> seen_;
  Seen all_;
  double shortest_ = 1e9;
  double watched_ = 0, together_ = 0;  // seconds of the same work, dispatch by dispatch and without that
};

}  // namespace ablate
