// Which parameters have to do with the residual stream, and how: what a change of its basis or its scales goes through.
#pragma once

#include "model/parameters.h"

namespace ablate {

struct ResidualParameter {
  ParameterSpec spec;
  /// The rows (embedding, position table, what multiplies the stream) or the columns (what adds to it) are vectors of the stream. A matrix in place of
  /// the feed-forward is both.
  bool rows = false, columns = false;
  std::string norm{};  ///< of what multiplies the stream: the prefix of the norm between, "model.layers.0.input_layernorm"; none
};

/// Those of a model, in its order. A bias that is added to the stream is one row.
std::vector<ResidualParameter> residual_parameters(const TransformerConfig& config);

}  // namespace ablate
