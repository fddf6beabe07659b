#include "report/scale.h"

#include "report/text.h"

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

/// The largest of 1, 2, 5 times a power of ten that gives at least `count` steps in `extent`, or the next larger one if that is nearer.
double nice_step(double extent, int count) {
  const double raw = extent / std::max(count, 1), power = std::pow(10, std::floor(std::log10(raw))), share = raw / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

std::vector<Tick> linear_ticks(double low, double high, int count, bool whole = false) {
  const double step = std::max(nice_step(high - low, count), whole ? 1.0 : 0.0), largest = std::max(std::abs(low), std::abs(high));
  std::vector<Tick> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
    ticks.push_back({i * step, short_number(i * step, largest)});
  return ticks;
}

/// Decades; with 2 and 5 between them where there are few, thinned out where there are many.
std::vector<Tick> log_ticks(double low, double high, int count) {
  const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9)), last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  const int every = std::max(1, (last - first + count) / std::max(count, 1));
  const bool few = last - first < 2;
  std::vector<Tick> ticks;
  for (int decade = first - 1; decade <= last; ++decade)
    for (int digit = 1; digit < 10; ++digit) {
      const double at = digit * std::pow(10, decade);
      if (at < low * (1 - 1e-9) || at > high * (1 + 1e-9)) continue;
      const bool labelled = digit == 1 ? (decade - first) % every == 0 : few && (digit == 2 || digit == 5);
      if (labelled || every == 1) ticks.push_back({at, labelled ? short_number(at) : ""});
    }
  return ticks;
}

}  // namespace

void Range::include(double value) {
  if (!std::isfinite(value) || (log && value <= 0)) return;
  const bool first = empty();
  low = first ? value : std::min(low, value);
  high = first ? value : std::max(high, value);
}

void Range::include(const std::vector<double>& values) {
  for (const double value : values) include(value);
}

Range Range::padded(double share) const {
  Range range = *this;
  if (empty()) range.low = log ? 1 : 0, range.high = log ? 10 : 1;
  if (log) {
    const double room = range.low == range.high ? 2 : std::pow(range.high / range.low, share);
    range.low /= room, range.high *= room;
  } else {
    const double room = range.low == range.high ? std::max(std::abs(range.low) * 0.1, 0.5) : (range.high - range.low) * share;
    range.low -= low == 0 && high == 0 ? 0 : room, range.high += room;
  }
  return range;
}

Scale::Scale(Range range, double from, double to)
    : range_(range.empty() || range.low == range.high ? range.padded(0) : range), from_(from), to_(to) {}

double Scale::operator()(double value) const {
  const double share =
      range_.log ? std::log(value / range_.low) / std::log(range_.high / range_.low) : (value - range_.low) / (range_.high - range_.low);
  return from_ + std::clamp(share, -10.0, 10.0) * (to_ - from_);
}

bool Scale::shows(double value) const { return std::isfinite(value) && (!range_.log || value > 0); }

std::vector<Tick> Scale::ticks(int count, bool whole) const {
  if (!range_.log) return linear_ticks(range_.low, range_.high, count, whole);
  if (range_.high / range_.low < 4) return linear_ticks(range_.low, range_.high, count);
  return log_ticks(range_.low, range_.high, count);
}

}  // namespace ablate::report
