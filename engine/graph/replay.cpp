#include "graph/replay.h"

#include "base/error.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace ablate {
namespace {

constexpr std::size_t most_under_way = 8;        // some drivers block at 64
constexpr int runs_to_measure = 3;               // the first of a resting device is slow
constexpr double shortest_to_learn_from = 5e-3;  // seconds expected: less is mostly launches, or a pause of the system
constexpr double tolerated = 1.5;                // times the limit, before pieces that were measured are cut again

}  // namespace

std::vector<std::size_t> ends_of_pieces(const std::vector<double>& seconds, double limit) {
  std::vector<std::size_t> ends;
  double sum = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (sum > 0 && sum + seconds[i] > limit) {
      ends.push_back(i);
      sum = 0;
    }
    sum += seconds[i];
  }
  ends.push_back(seconds.size());
  return ends;
}

Replay::Replay(const Device& device, const std::vector<Cost>& launches, bool profile) : device_(device), profile_(profile) {
  for (const Cost& launch : launches) seconds_.push_back(device.speed().seconds(launch));
}

void Replay::record(const RecordLaunch& launch) {
  const std::vector<std::size_t> ends = ends_of_pieces(seconds_, device_.caps().max_submission);
  const bool as_before = std::equal(ends.begin(), ends.end(), pieces_.begin(), pieces_.end(),
                                    [](std::size_t end, const Piece& piece) { return end == piece.end; });
  if (as_before) return;
  wait();
  pieces_.clear();
  marks_ = Buffer(device_, ends.size() * sizeof(std::uint32_t), MemoryKind::readback, "marks of submissions");
  std::size_t first = 0;
  for (const std::size_t end : ends) {
    record_piece(launch, first, end);
    first = end;
  }
}

void Replay::record_piece(const RecordLaunch& launch, std::size_t first, std::size_t end) {
  Recorder recorder(device_, static_cast<std::uint32_t>((profile_ ? end - first : 1) + 1));
  recorder.timestamp();
  for (std::size_t i = first; i < end; ++i) {
    launch(recorder, i);
    if (!profile_) continue;
    recorder.barrier();  // so that a launch's time is its own
    recorder.timestamp();
  }
  if (!profile_) recorder.timestamp();
  const auto mark = static_cast<std::uint32_t>(pieces_.size() + 1);
  recorder.fill(marks_, pieces_.size() * sizeof(mark), mark);
  pieces_.push_back({first, end, recorder.finish(), mark});
}

void Replay::submit() {
  wait();  // a run that was given up: its commands may still be at work
  std::memset(marks_.mapped(), 0, marks_.size());
  started_ = std::chrono::steady_clock::now();
  running_ = true;
  for (const Piece& piece : pieces_) {
    if (under_way_.size() == most_under_way) {
      under_way_.front().wait();
      under_way_.pop_front();
    }
    const VkCommandBuffer commands = piece.commands.handle();
    under_way_.push_back(device_.submit({&commands, 1}));
  }
}

void Replay::wait() {
  const bool ran = std::exchange(running_, false);  // what goes wrong is told once
  for (Submission& submission : std::exchange(under_way_, {})) submission.wait();
  if (!ran) return;
  check_marks();
  measure(std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
}

void Replay::check_marks() const {
  for (const Piece& piece : pieces_) {
    std::uint32_t found = 0;
    std::memcpy(&found, marks_.mapped() + (piece.mark - 1) * sizeof(found), sizeof(found));
    if (found != piece.mark)
      throw DeviceLost(
          fmt::format("{} ended submission {} of {}, expected to take {:.0f} ms, before it was done, and reported no error: "
                      "--without submission=MILLISECONDS makes them shorter",
                      device_.caps().device_name, piece.mark, pieces_.size(), 1e3 * expected(piece)));
  }
}

double Replay::expected(const Piece& piece) const {
  return std::accumulate(seconds_.begin() + static_cast<std::ptrdiff_t>(piece.first),
                         seconds_.begin() + static_cast<std::ptrdiff_t>(piece.end), 0.0);
}

bool Replay::took_too_long(const std::vector<double>& seconds) const {
  for (std::size_t i = 0; i < pieces_.size(); ++i)
    if (seconds[i] > tolerated * device_.caps().max_submission && pieces_[i].end - pieces_[i].first > 1) return true;
  return false;
}

// Without timestamps the run's time is shared out as it was expected.
void Replay::measure(double run_seconds) {
  const double all = std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
  std::vector<double> seconds;
  for (const Piece& piece : pieces_) {
    const std::vector<double> intervals = piece.commands.intervals();
    seconds.push_back(intervals.empty() ? run_seconds * expected(piece) / all : std::accumulate(intervals.begin(), intervals.end(), 0.0));
  }
  if (measured_runs_ >= runs_to_measure && !took_too_long(seconds)) return;
  const bool first_run = measured_runs_++ == 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const double before = expected(pieces_[i]);
    if (before <= 0 || seconds[i] <= 0) continue;
    if (first_run && before > shortest_to_learn_from) device_.speed().learn(before, seconds[i]);
    for (std::size_t k = pieces_[i].first; k < pieces_[i].end; ++k) seconds_[k] *= seconds[i] / before;
  }
}

std::vector<double> Replay::intervals() const {
  std::vector<double> all;
  for (const Piece& piece : pieces_) {
    const std::vector<double> own = piece.commands.intervals();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

}  // namespace ablate
