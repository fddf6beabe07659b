// Benchmarks of matrix products of any shape, by kernel.
#pragma once

#include "experiment/bench/bench.h"
#include "ops/matmul_kernels.h"

namespace ablate {

struct MatmulShape {
  std::uint32_t m = 1024, n = 1024, k = 1024, batch = 1;
  DType in = DType::f32, out = DType::f32;
  Layout layout = Layout::nn;
};

/// The product as the kernels see it.
MatmulProblem matmul_problem(const MatmulShape& shape);

/// `kernel`: as MatmulOptions::kernel.
BenchCase matmul_case(const MatmulShape& shape, const std::string& kernel = "");

/// One case for every kernel that could be taken for this shape.
std::vector<BenchCase> matmul_kernel_cases(const MatmulShape& shape, const Caps& caps);

}  // namespace ablate
