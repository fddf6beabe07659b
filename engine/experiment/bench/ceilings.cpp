#include "experiment/bench/matmul.h"

#include "ops/scale.h"
#include "vulkan/recorder.h"

#include <algorithm>

namespace ablate {
namespace {

std::uint64_t copied_bytes(const Device& device) {
  const std::uint64_t wanted = device.caps().is_cpu() ? 128ull << 20 : 1024ull << 20;
  return std::min({wanted, device.caps().max_allocation / 2, device.caps().max_elements / 2 * 4, device.free_memory() / 4}) / 16 * 16;
}

// The fastest of several transfers from one half of memory to another, a submission each: every byte is read and written once.
double transfer_bytes_per_second(Pipelines& pipelines, const BenchOptions& options) {
  const Device& device = pipelines.device();
  const std::uint64_t bytes = copied_bytes(device);
  const Buffer from(device, bytes, MemoryKind::device, "copy source"), to(device, bytes, MemoryKind::device, "copy target");
  Recorder recorder(device, 2);
  recorder.timestamp();
  recorder.copy(from, 0, to, 0, bytes);
  recorder.barrier();
  recorder.timestamp();
  const Commands commands = recorder.finish();
  const VkCommandBuffer handle = commands.handle();
  double best = 0;
  for (double spent = 0; spent < options.seconds;) {
    device.run({&handle, 1});
    const std::vector<double> seconds = commands.intervals();
    if (seconds.empty()) break;
    best = std::max(best, 2.0 * static_cast<double>(bytes) / seconds.front());
    spent += seconds.front();
  }
  return best;
}

double kernel_bytes_per_second(Pipelines& pipelines, BenchOptions options) {
  options.cold = false;
  const auto floats = static_cast<std::uint32_t>(copied_bytes(pipelines.device()) / 4);
  const BenchResult result = measure(pipelines,
                                     {"copy", "copy",
                                      [floats](Graph& graph, BenchInputs& inputs) -> BenchBody {
                                        const Tensor x = inputs.floats({floats}, DType::f32);
                                        return [=, &graph] { return std::vector{scale(graph, x, 1)}; };
                                      }},
                                     options);
  return result.best > 0 ? result.cost.bytes / result.best : 0;
}

// The faster of both ways, for drivers differ in which it is: NVIDIA's transfers reach a fifth of what kernels do.
double copy_bytes_per_second(Pipelines& pipelines, const BenchOptions& options) {
  return std::max(transfer_bytes_per_second(pipelines, options), kernel_bytes_per_second(pipelines, options));
}

constexpr std::uint32_t largest_size = 8192;

// Of square products that grow for as long as the next, of eight times the work, is short enough for one submission.
double matmul_flop_per_second(Pipelines& pipelines, DType type, BenchOptions options) {
  options.cold = false;
  double best = 0;
  for (std::uint32_t size = 512; size <= largest_size; size *= 2) {
    const BenchResult result = measure(pipelines, matmul_case({size, size, size, 1, type, DType::f32, Layout::nn}), options);
    if (result.best <= 0) break;
    best = std::max(best, result.cost.flop / result.best);
    if (8 * result.best > pipelines.device().caps().max_submission) break;
  }
  return best;
}

}  // namespace

Ceilings measure_ceilings(Pipelines& pipelines, const BenchOptions& options) {
  Ceilings ceilings;
  ceilings.bytes_per_second = copy_bytes_per_second(pipelines, options);
  ceilings.flop_per_second = matmul_flop_per_second(pipelines, DType::f32, options);
  if (pipelines.device().caps().storage16) ceilings.flop_per_second_16 = matmul_flop_per_second(pipelines, DType::f16, options);
  return ceilings;
}

}  // namespace ablate
