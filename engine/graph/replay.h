// A graph's launches as command buffers that are recorded once and submitted at every run.
//
// They are cut into pieces of Caps::max_submission seconds at most, a submission each: systems end one that takes too long. How long a launch
// takes is first expected (DeviceSpeed), then measured, and the pieces are cut again. Pieces run in order, each after a barrier, so that a result does
// not depend on where they are cut.
#pragma once

#include "vulkan/buffer.h"
#include "vulkan/recorder.h"

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace ablate {

/// Where launches that are expected to take `seconds` are cut: the index after each piece's last. A piece takes `limit` seconds at most, or is a single
/// launch.
std::vector<std::size_t> ends_of_pieces(const std::vector<double>& seconds, double limit);

class Replay {
 public:
  using RecordLaunch = std::function<void(Recorder&, std::size_t launch)>;

  /// `profile`: a launch's time is its own, see intervals().
  Replay(const Device& device, const std::vector<Cost>& launches, bool profile);

  /// Records the pieces, if they are not recorded yet or measured times ask for other ones.
  void record(const RecordLaunch& launch);

  /// Gives the device the pieces. At most a few are under way at once: the call may wait for the earlier ones.
  void submit();
  /// Throws DeviceLost, also where a piece did not come to its end though the driver reports success.
  void wait();

  /// Seconds of every launch in the last run (with `profile`, and a device that has timestamps).
  std::vector<double> intervals() const;

  /// Submissions of a run.
  std::size_t pieces() const { return pieces_.size(); }

 private:
  struct Piece {
    std::size_t first = 0, end = 0;  // launches
    Commands commands;
    std::uint32_t mark = 0;
  };

  void record_piece(const RecordLaunch& launch, std::size_t first, std::size_t end);
  double expected(const Piece& piece) const;
  void check_marks() const;
  void measure(double run_seconds);
  bool took_too_long(const std::vector<double>& seconds) const;

  const Device& device_;
  bool profile_;
  std::vector<double> seconds_;  // of each launch, as expected or measured
  std::vector<Piece> pieces_;
  Buffer marks_;  // each piece ends by writing its own
  std::deque<Submission> under_way_;
  std::chrono::steady_clock::time_point started_;
  bool running_ = false;
  int measured_runs_ = 0;
};

}  // namespace ablate
