// Next-token losses, in nats.
#pragma once

#include "ops/matrix.h"
#include "ops/op.h"

namespace ablate {

/// log-sum-exp of a row minus its target's logit. logits: (N, V) f32, f16 or bf16; targets: (N) i32; -> losses (N) f32. A negative target
/// is a position that is not counted: its loss and its gradient are 0. Differentiable in the logits. Throws InputError when the shapes do
/// not fit.
Tensor cross_entropy(Graph& graph, const Tensor& logits, const Tensor& targets);

struct LinearCrossEntropy {
  Tensor losses;  ///< (N) f32, unscaled; 0 where the target is negative
};

/// cross_entropy(h w^T, targets) without ever storing more than one chunk of rows of logits. h: (..., D) with N rows, w: (V, D) of
/// any type, targets: (N) i32 (negative: not counted), scale: (1) f32, the weight of every counted loss in the gradients (loss scale / count,
/// say; see loss_weight).
///
/// Where h or w wants a gradient, a chunk's logits become its gradient in place and dh, dw are formed in the same pass. So the gradients
/// are those of scale * sum(losses) whatever the backward pass is seeded with: seed `losses` with any tensor of its shape, which is never
/// read. Logits have h's type then, and are f32 otherwise; statistics are f32. `max_logits_bytes` bounds a chunk (256 rows at least, and a
/// multiple of 256). `softcap` c > 0: a logit z counts as c tanh(z / c) (Gemma 2).
LinearCrossEntropy linear_cross_entropy(Graph& graph, const Tensor& h, const Matrix& w, const Tensor& targets, const Tensor& scale,
                                        std::uint64_t max_logits_bytes, float softcap = 0);

/// Sum of losses (N) f32 over count (1) f32, in a fixed order -> (1) f32.
Tensor mean_loss(Graph& graph, const Tensor& losses, const Tensor& count);

}  // namespace ablate
