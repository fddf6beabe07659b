#include "vulkan/device_speed.h"

namespace ablate {
namespace {

constexpr double longest_launch = 0.25;   // seconds
constexpr double launch_seconds = 10e-6;  // of a kernel that does nothing, and of the barrier before it

struct Rates {
  double flop, bytes;
};

// The slowest of each type that people have: two cores, an integrated GPU of 2015, a small card of the same time.
Rates slow_rates(const Caps& caps) {
  if (caps.type == "cpu") return {3e9, 2e9};
  if (caps.type == "discrete" || caps.type == "virtual") return {2e12, 100e9};
  return {40e9, 10e9};
}

}  // namespace

Cost most_of_a_launch(const Caps& caps) {
  const Rates rates = slow_rates(caps);
  return {longest_launch * rates.flop, longest_launch * rates.bytes};
}

DeviceSpeed::DeviceSpeed(const Caps& caps) : flop_per_second_(slow_rates(caps).flop), bytes_per_second_(slow_rates(caps).bytes) {}

double DeviceSpeed::seconds(const Cost& work) const {
  const std::lock_guard lock(mutex_);
  return launch_seconds + slowness_ * (work.flop / flop_per_second_ + work.bytes / bytes_per_second_);
}

void DeviceSpeed::learn(double expected, double measured) const {
  if (expected <= 0) return;
  const std::lock_guard lock(mutex_);
  const double now = slowness_ * measured / expected;
  slowness_ = now > slowness_ ? now : (slowness_ + now) / 2;  // slow work is believed at once, fast work when it has come a few times
}

}  // namespace ablate
