#pragma once

#include "ops/user/user_shader.h"

#include <string>

namespace ablate {

/// What `[model] gate = "..."` can say: sigmoid gates of some widths (model/parameters.h), and gates that an experiment file brings.
struct GateKind {
  UserShaderHandle user = {};  ///< none: the sigmoid
};
using Gates = Registry<GateKind>;

/// Sigmoid gate on the attention output (Qiu et al. 2025, arXiv 2505.06708): y * sigmoid(z), or with what `kind` has in place of the sigmoid.
/// y: (B, T, H * hd). z, the logits: (B, T, W), or (W), the same everywhere, or (T_max, W), one row per position, of which rows 0 .. T-1
/// are used. W is H * hd (a gate per channel), H (per head) or 1 (per token); z may have another element type than y. Differentiable in
/// both; where z is shared its gradient is summed in a fixed order. Throws InputError when z does not fit.
Tensor gate(Graph& graph, const Tensor& y, const Tensor& z, std::uint32_t heads, const std::string& kind = "channel");

}  // namespace ablate
