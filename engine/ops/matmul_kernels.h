// The kernels a matrix product can take, with their tile sizes: which fit a device and a problem, and which is taken without tuning.
#pragma once

#include "ops/matmul.h"

#include <optional>

namespace ablate {

struct MatmulProblem {
  std::uint32_t m = 0, n = 0, k = 0, batch = 1;
  DType a = DType::f32, b = DType::f32, c = DType::f32;
  Layout layout = Layout::nn;
  bool bias = false, residual = false;
  std::uint32_t a_group = 1, b_group = 1, c_group = 1;  ///< rows of A, B, C as stored start at multiples of this many elements: 1, 4 or 8

  /// Under which its choice is kept: "matmul nt 4096x512x256*1 f16 f16 f32 grouped 8 8 8".
  std::string question() const;
};

/// The problem of a question; nothing for another text.
std::optional<MatmulProblem> parse_matmul_problem(const std::string& question);

/// One way to compute a product.
struct MatmulKernel {
  std::string shader;                    ///< "portable", "subgroup", "tiled", "coopmat", "coopmat2"
  std::uint32_t m = 4, n = 4, k = 1;     ///< what a workgroup multiplies at a time
  std::uint32_t part_m = 4, part_n = 4;  ///< of the tile, what one invocation (tiled) or subgroup (coopmat) holds
  std::uint32_t lanes = 0;               ///< invocations per workgroup; 0: the device's
  std::uint32_t buffers = 1;             ///< of tiled, copies of tiles in shared memory; of coopmat2, slices of K between tests
  std::uint32_t splits = 1;              ///< K is cut into as many pieces, summed in order by a second kernel

  std::uint64_t tiles(const MatmulProblem& p) const { return std::uint64_t{(p.m + m - 1) / m} * ((p.n + n - 1) / n) * p.batch; }
  std::uint32_t k_per_split(const MatmulProblem& p) const { return ((p.k + splits - 1) / splits + k - 1) / k * k; }
};

/// "tiled 128x128x16 of 8x8, 256 lanes, 2 buffers, 1 splits", and back; nothing for another text.
std::string to_string(const MatmulKernel& kernel);
std::optional<MatmulKernel> parse_matmul_kernel(const std::string& text);

/// Whether the device has what the kernel needs and the problem has the types and sizes it can do.
bool fits(const MatmulKernel& kernel, const MatmulProblem& problem, const Caps& caps);

/// Every kernel that fits, however little it suits the device.
std::vector<MatmulKernel> all_matmul_kernels(const MatmulProblem& problem, const Caps& caps);
/// Every kernel worth timing, the default first.
std::vector<MatmulKernel> matmul_candidates(const MatmulProblem& problem, const Caps& caps);
MatmulKernel default_matmul_kernel(const MatmulProblem& problem, const Caps& caps);

/// The device's matrix shape that coopmat kernels use for this element type (16 x 16 x 16 where there is one).
std::optional<CoopShape> coop_shape(const Caps& caps, DType type);

}  // namespace ablate
