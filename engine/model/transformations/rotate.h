// The residual stream in another basis: the same model, whose spikes are spread over all channels (Ashkboos et al. 2024, QuaRot, arXiv 2404.00456).
#pragma once

#include "model/weights.h"

namespace ablate {

/// The configuration of the rotated model: that of `config` with a head of its own. Throws InputError "where: ..." for a model whose norms are no RMSNorms of
/// the stream alone: LayerNorm takes the mean off, DynamicTanh acts on channels, and norms on blocks' outputs have weights per channel of the stream; for a
/// gate that reads the embedding, and for a d_model without a Hadamard matrix.
TransformerConfig rotated_config(const TransformerConfig& config, const std::string& where);

/// Fills `to`, of rotated_config(), with `from` rotated by HadamardRotation(d_model, seed). The weights of norms go into what they multiply, and become 1: RMSNorm
/// of a rotated vector is the rotated RMSNorm. Exact but for one rounding of each weight.
void rotate_residual(const Weights& from, Weights& to, std::uint64_t seed);

}  // namespace ablate
