#include "experiment/run/point_plan.h"

#include "base/size.h"
#include "experiment/run/kind.h"

#include <fmt/core.h>

#include <algorithm>

namespace ablate {

std::string to_text(const MemoryNeed& need) {
  std::string text = fmt::format("{}: {} for parameters", size_text(need.total()), size_text(need.parameters));
  if (need.step > 0) text += fmt::format(" and their optimizer, {} for the activations of a training step", size_text(need.step));
  if (need.evaluation > 0)
    text += fmt::format(", {} for {} of an evaluation", size_text(need.evaluation), need.step > 0 ? "those" : "the activations");
  return text;
}

std::string why_not(const PointPlan& plan, const Device& device) {
  if (!plan.refusal.empty()) return plan.refusal;
  const std::uint64_t free = device.free_memory();
  if (plan.memory.total() <= free) return "";
  const std::string largest =
      plan.largest.empty() ? "" : fmt::format(", the largest tensor {} ({})", plan.largest, size_text(plan.largest_bytes));
  return fmt::format("needs too much device memory, {}{}; {} are free on {}: {}", to_text(plan.memory), largest, size_text(free),
                     device.caps().device_name, plan.advice);
}

std::uint64_t plan_graph(PointPlan& plan, const Device& device, const Graph& graph, double times) {
  plan.work.add(graph, times);
  if (const Storage* largest = largest_storage(graph); largest && largest->bytes > plan.largest_bytes)
    plan.largest = largest->name, plan.largest_bytes = largest->bytes;
  try {
    return Executor::memory_needed(graph, device);
  } catch (const DeviceError& error) {
    if (plan.refusal.empty()) plan.refusal = error.what();
    return plan_memory(graph, {}).bytes;
  }
}

void plan_evaluation(PointPlan& plan, const Device& device, Evaluator& evaluator, const Hooks& hooks, const std::vector<Probe*>& probes,
                     double times) {
  const std::uint64_t free = device.free_memory(), taken = plan.memory.parameters + plan.memory.step;
  const auto look = [&](const Graph& graph, double batches) {
    plan.memory.evaluation = std::max(plan.memory.evaluation, plan_graph(plan, device, graph, times * batches));
  };
  evaluator.plan(hooks, probes, taken < free ? free - taken : 0, look);
}

}  // namespace ablate
