// Quantization of activations to codes and back, by what shares a range.
#include "ops/quantize.h"
#include "experiment/bench/bench.h"

namespace ablate {
namespace {

std::vector<BenchCase> cases(const Caps& caps) {
  struct Kind {
    const char* name;
    Quantization q;
  };
  const Kind kinds[] = {
      {"int8 token", {.format = "int8", .granularity = "token"}},
      {"int4 token zero point", {.format = "int4", .granularity = "token", .codes = CodeRange::zero_point}},
      {"int8 tensor", {.format = "int8", .granularity = "tensor"}},
      {"int8 tensor static", {.format = "int8", .granularity = "tensor", .codes = CodeRange::zero_point, .range = {-1, 1}}},
      {"int4 group", {.format = "int4", .granularity = "group", .group_size = 128}},
      {"int4 channel", {.format = "int4", .granularity = "channel", .group_size = 32}},
      {"fp8-e4m3 token", {.format = "fp8-e4m3", .granularity = "token"}},
      {"mxfp4", {.format = "mxfp4", .granularity = "group"}},
      {"nvfp4", {.format = "nvfp4", .granularity = "group"}},
  };
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Kind& kind : kinds) {
      const Shape shape{8, rows_for(caps, 2048), 4096};
      all.push_back({"quantize", fmt::format("{} {}x{} {}", kind.name, shape[0] * shape[1], shape[2], name_of(type)),
                     [=, q = kind.q](Graph& graph, BenchInputs& inputs) -> BenchBody {
                       const Tensor x = inputs.floats(shape, type);
                       return [=, &graph] { return std::vector{quantize(graph, x, q)}; };
                     }});
    }
  return all;
}

const BenchRegistration registration{"quantize", cases};

}  // namespace
}  // namespace ablate
