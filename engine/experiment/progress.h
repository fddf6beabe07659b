// How far a run is: one line that rewrites itself on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ablate {

class Progress {
 public:
  /// `points` is how many points this run does. `terminal`: standard error is one (base/terminal.h).
  Progress(int points, bool terminal);
  ~Progress();

  /// Point `index` (0 is the first) starts; it will take `steps` steps (0: unknown).
  void start_point(int index, const std::string& label, std::int64_t steps);
  /// `step` steps of the point are done; `tokens` of them per step. `note` is short: "loss 3.41". Draws at most ten times a second (once
  /// per ten seconds where there is no terminal).
  void step(std::int64_t step, std::int64_t tokens, const std::string& note = "");
  /// The point is done (or failed, said by `note`).
  void finish_point(const std::string& note = "");
  /// Takes the line away, so that something else can be printed.
  void clear();

  /// The line as it would be shown `seconds` after the point's start; for tests and for drawing.
  std::string line(double seconds, int width) const;

 private:
  using Clock = std::chrono::steady_clock;
  int points_, index_ = 0, finished_ = 0;
  bool terminal_, drawn_ = false;
  std::string label_, note_;
  std::int64_t steps_ = 0, step_ = 0, first_step_ = 0, tokens_ = 0;
  Clock::time_point run_start_, point_start_, last_drawn_;
  void draw(bool force);
};

}  // namespace ablate
