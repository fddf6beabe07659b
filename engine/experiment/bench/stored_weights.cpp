// Products with weights as they are stored: of numbers, and of blocks of every storage format.
#include "base/storage_format.h"
#include "experiment/bench/bench.h"
#include "ops/matmul.h"

namespace ablate {
namespace {

BenchCase product(std::uint32_t m, std::uint32_t n, std::uint32_t k, DType activations, DType weights) {
  return {"weights", fmt::format("{}x{}x{} {} by {}", m, n, k, name_of(activations), name_of(weights)),
          [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
            return [=, &graph, x = inputs.floats({m, k}, activations), w = inputs.floats({n, k}, weights)] {
              return std::vector{linear(graph, x, w)};
            };
          }};
}

std::vector<BenchCase> cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : caps.is_cpu() ? std::vector{DType::f32} : activation_types(caps)) {
    const std::uint32_t m = caps.is_cpu() ? 512 : 4096, n = caps.is_cpu() ? 1536 : 4096, k = caps.is_cpu() ? 768 : 4096;
    all.push_back(product(m, n, k, type, type));
    for (const auto& [name, format] : StorageFormats::all()) all.push_back(product(m, n, k, type, type_of(format)));
  }
  return all;
}

const BenchRegistration registration{"weights", cases};

}  // namespace
}  // namespace ablate
