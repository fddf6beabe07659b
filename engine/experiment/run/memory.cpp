#include "experiment/run/memory.h"

#include "experiment/run/kind.h"

#include <fmt/core.h>

namespace ablate {
namespace {

std::string size_text(std::uint64_t bytes) {
  const double size = static_cast<double>(bytes);
  return size < 1e9 ? fmt::format("{:.1f} MB", size * 1e-6) : fmt::format("{:.2f} GB", size * 1e-9);
}

}  // namespace

std::string to_text(const MemoryNeed& need) {
  std::string text = fmt::format("{}: {} for parameters", size_text(need.total()), size_text(need.parameters));
  if (need.step > 0) text += fmt::format(" and their optimizer, {} for the activations of a training step", size_text(need.step));
  if (need.evaluation > 0)
    text += fmt::format(", {} for {} of an evaluation", size_text(need.evaluation), need.step > 0 ? "those" : "the activations");
  return text;
}

MemoryNeed with_evaluation(PointRun& run, MemoryNeed need, Evaluator& evaluator, const std::vector<Probe*>& probes,
                           const std::string& advice) {
  const Device& device = run.pipelines.device();
  const std::uint64_t free = device.free_memory(), taken = need.total();
  const auto refuse = [&](const std::string& needs) {
    throw DeviceError(fmt::format("{}: needs too much device memory, {}; {} are free on {}: {}", run.point.label, needs, size_text(free),
                                  device.caps().device_name, advice));
  };
  if (taken >= free) refuse(to_text(need));
  need.evaluation = evaluator.memory_needed({}, probes, free - taken);
  if (need.total() > free) refuse(to_text(need));
  return need;
}

}  // namespace ablate
