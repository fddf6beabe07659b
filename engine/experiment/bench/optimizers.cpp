// The optimizer's step over all parameters at once, with the gradients' norm; alone, and with the 16-bit copy that the next forward pass
// reads.
#include "experiment/bench/bench.h"
#include "ops/optimizer.h"

namespace ablate {
namespace {

BenchCase adamw_case(std::uint32_t millions, DType mirror) {
  const std::uint32_t count = millions * 1000000;
  const std::string copy = mirror == DType::f32 ? "" : fmt::format(" with a {} copy", name_of(mirror));
  return {"adamw", fmt::format("{}M parameters{}", millions, copy), [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
            OptimizerArenas arenas{inputs.floats({count}, DType::f32), inputs.floats({count}, DType::f32, 1e-4f),
                                   inputs.floats({count}, DType::f32, 1e-4f), inputs.floats({count}, DType::f32, 0.0f)};
            if (mirror != DType::f32) arenas.mirror = inputs.floats({count}, mirror);
            const Tensor state = graph.constant("state", {4}, {1.0f, 0, 0, 0}), lr = graph.constant("lr", {1}, {1e-3f});
            return [=, &graph] {
              const OptimizerOptions options{.decayed = {{0, count}}};
              adamw(graph, arenas, step_control(graph, {arenas.gradients}, state, options), lr, options);
              return std::vector<Tensor>{};
            };
          }};
}

std::vector<BenchCase> cases(const Caps& caps) {
  if (caps.is_cpu()) return {adamw_case(1, DType::f32), adamw_case(7, DType::f32)};
  std::vector<BenchCase> all;
  for (const std::uint32_t millions : {7u, 60u, 350u})
    for (const DType mirror : activation_types(caps)) all.push_back(adamw_case(millions, mirror));
  return all;
}

const BenchRegistration registration{"adamw", cases};

}  // namespace
}  // namespace ablate
