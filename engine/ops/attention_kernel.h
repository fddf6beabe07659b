// The ways to compute attention. A kernel family registers itself in its own file; the best that runs on the device and shape is taken.
#pragma once

#include "ops/attention_problem.h"

#include <functional>

namespace ablate {

/// What a backward pass reads and writes, allocated by the op. Shapes as in the forward pass; delta (B, heads, T) f32.
struct AttentionGradients {
  Tensor y, lse, dy;  ///< read
  Tensor delta;       ///< written: inner product of each query's output with its gradient
  Tensor dq, dk, dv;  ///< written
};

struct AttentionKernel {
  std::function<bool(const Caps&, const AttentionProblem&)> runs;
  std::function<int(const Caps&)> rank;  ///< of those that run, the highest is taken
  std::function<void(Graph&, const AttentionProblem&, const AttentionResult&)> forward;
  std::function<void(Graph&, const AttentionProblem&, const AttentionGradients&)> backward;
};
using AttentionKernels = Registry<AttentionKernel>;

/// Cuts by sequences of kernels whose push constants begin with q, k, v, y, lse (and have known_lse, if there is one, before `batch`); with q, k, v, y, dy, lse, delta, dq; and with q, k, v, dy, lse,
/// delta, dk, dv. `batch`: where the sequences are counted.
Cut cut_attention_forward(const AttentionProblem& problem, std::uint32_t batch);
Cut cut_attention_backward_q(const AttentionProblem& problem, std::uint32_t batch);
Cut cut_attention_backward_kv(const AttentionProblem& problem);

/// Costs of the two passes of a backward: five products of the forward's two, of which the first needs only one (the rest it recomputes).
Cost attention_forward_cost(const AttentionProblem& problem);
Cost attention_backward_q_cost(const AttentionProblem& problem);
Cost attention_backward_kv_cost(const AttentionProblem& problem);

}  // namespace ablate
