#include "experiment/run/work.h"

#include <algorithm>

namespace ablate {
namespace {

// FLOP that take as long as moving a byte: devices of all kinds do 5 to 20 in f32.
constexpr double flop_per_byte = 12;

double size_of(double flop, double bytes) { return std::max(flop / flop_per_byte, bytes); }

}  // namespace

void Work::add(const Graph& graph, double times) {
  for (const Dispatch& dispatch : graph.dispatches()) {
    KernelWork& kernel = kernels_[dispatch.shader];
    kernel.flop += times * dispatch.cost.flop;
    kernel.bytes += times * dispatch.cost.bytes;
    kernel.launches += times;
  }
}

double Work::flop() const {
  double sum = 0;
  for (const auto& [shader, kernel] : kernels_) sum += kernel.flop;
  return sum;
}

void Pace::watch(const Graph& graph, std::span<const DispatchTime> times, double together) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Cost& cost = times[i].cost;
    for (Seen* seen : {&seen_[graph.dispatches()[i].shader], &all_}) {
      seen->size += size_of(cost.flop, cost.bytes);
      seen->seconds += times[i].seconds;
      seen->launches += 1;
    }
    shortest_ = std::min(shortest_, times[i].seconds);
    watched_ += times[i].seconds;
  }
  together_ += together;
}

double Pace::seconds(const Work& work) const {
  double sum = 0;
  for (const auto& [shader, kernel] : work.kernels()) {
    const auto found = seen_.find(shader);
    const Seen& seen = found == seen_.end() ? all_ : found->second;
    const double size = size_of(kernel.flop, kernel.bytes), least = kernel.launches * shortest_;
    sum += seen.size > 0 ? std::max(least, seen.seconds * size / seen.size) : seen.seconds * kernel.launches / seen.launches;
  }
  return watched_ > 0 ? sum * together_ / watched_ : sum;
}

}  // namespace ablate
