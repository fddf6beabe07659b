// How far a run is: one line on standard error that rewrites itself on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ablate {

/// What the line shows. Times are in seconds, negative where not known.
struct ProgressState {
  int points = 1, index = 0;  ///< of this run; 0 is the first
  std::string label, note;
  std::int64_t step = 0, steps = 0;
  double tokens_per_second = -1, seconds_left = -1;

  /// Share of the whole run that is done, 0 to 1.
  double done() const;
};

/// "point 3 of 8  sandwich  [=====>    ] 31%  step 450/1000  1.2M tokens/s  loss 3.41  4m10s left", cut to `width` columns.
std::string progress_line(const ProgressState& state, int width);

/// "3.2s", "4m10s", "2h05m".
std::string duration_text(double seconds);

class Progress {
 public:
  /// `points` is how many points this run does; `terminal` whether standard error is one (base/terminal.h).
  Progress(int points, bool terminal);
  ~Progress();

  /// The next point starts (or goes on at `first_step`); it has `steps` steps.
  void start_point(const std::string& label, std::int64_t steps, std::int64_t first_step = 0);
  /// From now on nothing is printed: someone else tells how far things are.
  void silence() { silent_ = true; }
  /// The next point is finished already.
  void skip_point();
  /// So many steps of the point are done, each of `tokens` tokens. `note` is short: "loss 3.41". Draws at most ten times a second, or a
  /// line every ten seconds where there is no terminal.
  void step(std::int64_t done, std::int64_t tokens, const std::string& note = "");
  /// A point that another process worked on is done; it took `seconds`.
  void report_point(const std::string& label, double seconds, const std::string& note);
  /// The point is done; `note` is its outcome.
  void finish_point(const std::string& note);
  /// Takes the line away, so that something else can be printed.
  void clear();
  /// Prints a line above it.
  void say(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);
  void print_point(double seconds, const std::string& note);

  bool terminal_, drawn_ = false, silent_ = false;
  ProgressState state_;
  std::int64_t first_step_ = 0;
  double done_before_ = 0;  // share that this process did not do itself
  Clock::time_point run_start_, point_start_, last_drawn_;
};

}  // namespace ablate
