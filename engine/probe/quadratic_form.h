// A SwiGLU feed-forward as quadratic forms, from its weights alone (arXiv 2603.05498, section 3).
//
// Output channel k is sum_j D[k,j] silu(g_j . x) (u_j . x). Where SiLU acts as the identity that is x^T U_k x with U_k = G^T diag(D[k,:])
// U; x is the normed state, so the weight of the norm is folded into G and U. Only the symmetric part S_k = (U_k + U_k^T) / 2 matters for
// the value. A mixture adds up such forms of its experts, each times the weight that the router gives it. A feed-forward without a gate has none: where its
// activation acts as the identity it is linear.
#pragma once

#include "model/weights.h"
#include "vulkan/pipeline.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ablate {

/// One feed-forward's matrices on the host, with the norm's weight folded in.
struct FoldedFeedForward {
  std::uint32_t neurons = 0, channels = 0;
  std::vector<float> gate, up;  ///< (neurons, channels)
  std::vector<float> down;      ///< (channels, neurons)

  /// Those of a layer: one, or one an expert, and last the one that every token goes through. Throws InputError where they are no gated units.
  static std::vector<FoldedFeedForward> of(const Weights& weights, int layer);
};

/// ||U_k||_F of every channel k, without any U_k: ||U_k||^2 = d_k^T ((G G^T) o (U U^T)) d_k, the Gram matrices made `rows` rows at a time
/// on the device.
std::vector<double> form_norms(Pipelines& pipelines, const FoldedFeedForward& ffn, std::uint32_t rows = 1024);

/// S_k, (channels, channels) row-major, made on the device.
std::vector<float> symmetric_form(Pipelines& pipelines, const FoldedFeedForward& ffn, std::uint32_t channel);

struct Spectrum {
  std::vector<double> eigenvalues;  ///< largest magnitude first
  std::vector<double> leading;      ///< unit eigenvector of the first
  double share = 0;                 ///< of the first in the sum of squares of all, 0 to 1
};

/// Of a symmetric (n, n): the `count` eigenvalues that are largest in magnitude. All are computed up to n = 1024; above, only those, by Spectra's
/// Lanczos iterations with restarts.
Spectrum spectrum(std::span<const float> matrix, std::uint32_t n, std::uint32_t count);
Spectrum exact_spectrum(std::span<const float> matrix, std::uint32_t n, std::uint32_t count);
/// For any n above 1; at most n - 1 eigenvalues. Falls back on exact_spectrum where it does not converge.
Spectrum lanczos_spectrum(std::span<const float> matrix, std::uint32_t n, std::uint32_t count);

}  // namespace ablate
