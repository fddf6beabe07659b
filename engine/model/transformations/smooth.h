// Scales moved from activations, which have outliers, to weights, which have none (Xiao et al. 2023, SmoothQuant, arXiv 2211.10438).
#pragma once

#include "model/weights.h"

#include <map>

namespace ablate {

/// The norms that matrices of the layers read through, by prefix ("model.layers.0.input_layernorm"), in the model's order. Throws InputError "where: ..." where a norm
/// has no weight per channel, or there is none.
std::vector<std::string> norms_to_smooth(const TransformerConfig& config, const std::string& where);

/// Divides channel j of every such norm by s_j = max|X_j|^alpha / max|W_j|^(1 - alpha) and multiplies column j of the matrices W that read it by the same:
/// equation 4 of the paper. `largest`: max|X_j| of the norm's output by its prefix, (d_model). The model stays what it is, but for roundings. A channel
/// that is always 0, or that no weight reads, keeps its scale.
void smooth(Weights& weights, const std::map<std::string, std::vector<float>>& largest, double alpha);

}  // namespace ablate
