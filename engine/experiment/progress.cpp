#include "experiment/progress.h"

#include "base/terminal.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

double seconds(std::chrono::steady_clock::duration time) { return std::chrono::duration<double>(time).count(); }

std::string bar(double share, int width) {
  const int full = static_cast<int>(share * width);
  return fmt::format("[{}{}{}]", std::string(full, '='), full < width ? ">" : "", std::string(std::max(0, width - full - 1), ' '));
}

std::string rate_text(double per_second) {
  if (per_second >= 1e6) return fmt::format("{:.1f}M", per_second / 1e6);
  if (per_second >= 1e3) return fmt::format("{:.1f}k", per_second / 1e3);
  return fmt::format("{:.0f}", per_second);
}

}  // namespace

double ProgressState::done() const {
  const double here = steps > 0 ? std::clamp(static_cast<double>(step) / static_cast<double>(steps), 0.0, 1.0) : 0.0;
  return std::clamp((index + here) / std::max(points, 1), 0.0, 1.0);
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const long long whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

std::string progress_line(const ProgressState& state, int width) {
  std::string line =
      fmt::format("point {} of {}  {}  {} {:.0f}%", state.index + 1, state.points, state.label, bar(state.done(), 20), 100 * state.done());
  if (state.steps > 0) line += fmt::format("  step {}/{}", state.step, state.steps);
  if (state.tokens_per_second >= 0) line += fmt::format("  {} tokens/s", rate_text(state.tokens_per_second));
  if (!state.note.empty()) line += "  " + state.note;
  if (state.seconds_left >= 0) line += fmt::format("  {} left", duration_text(state.seconds_left));
  if (width > 0 && line.size() > static_cast<std::size_t>(width)) line.resize(static_cast<std::size_t>(width));
  return line;
}

Progress::Progress(int points, bool terminal) : terminal_(terminal), run_start_(Clock::now()) {
  state_.points = points;
  state_.index = -1;
}

Progress::~Progress() { clear(); }

void Progress::start_point(const std::string& label, std::int64_t steps, std::int64_t first_step) {
  state_.index++;
  state_.label = label;
  state_.note.clear();
  state_.step = first_step_ = first_step;
  state_.steps = steps;
  state_.tokens_per_second = -1;
  if (steps > 0) done_before_ += static_cast<double>(first_step) / static_cast<double>(steps) / std::max(state_.points, 1);
  point_start_ = last_drawn_ = Clock::now();
  if (terminal_) draw(point_start_);
}

void Progress::skip_point() {
  state_.index++;
  done_before_ += 1.0 / std::max(state_.points, 1);
}

void Progress::step(std::int64_t done, std::int64_t tokens, const std::string& note) {
  state_.step = done;
  state_.note = note;
  const auto now = Clock::now();
  if (seconds(now - last_drawn_) < (terminal_ ? 0.1 : 10.0)) return;
  state_.tokens_per_second = static_cast<double>(tokens * (done - first_step_)) / seconds(now - point_start_);
  const double share = state_.done(), own = share - done_before_;
  state_.seconds_left = own > 0 ? seconds(now - run_start_) * (1 - share) / own : -1;
  draw(now);
}

void Progress::finish_point(const std::string& note) { print_point(seconds(Clock::now() - point_start_), note); }

void Progress::report_point(const std::string& label, double seconds, const std::string& note) {
  state_.index++;
  state_.label = label;
  print_point(seconds, note);
}

void Progress::print_point(double seconds, const std::string& note) {
  clear();
  if (silent_) return;
  tell("point {} of {}  {}  {}  {}\n", state_.index + 1, state_.points, state_.label, duration_text(seconds), note);
}

void Progress::clear() {
  if (drawn_) tell("\r\x1b[K");
  drawn_ = false;
}

void Progress::say(const std::string& line) {
  clear();
  if (!silent_) tell("{}\n", line);
}

void Progress::draw(Clock::time_point now) {
  last_drawn_ = now;
  if (silent_) return;
  if (terminal_) tell("\r\x1b[K{}", progress_line(state_, terminal_width() - 1));
  else tell("{}\n", progress_line(state_, 0));
  drawn_ = terminal_;
}

}  // namespace ablate
