// The optimizer's step over all parameters at once. A step is three dispatches: partial sums of the gradient's norm, step_control, and the
// update.
//
//   Tensor scale = loss_weight(g, state, count);             // weight of a loss: the loss scale over the number of counted positions
//   ... forward, backward into `gradients` ...
//   StepControl control = step_control(g, gradients, state, options);
//   adamw(g, arenas, control, lr, options);
//
// Everything a step needs from the last one is on the device (arenas and StepState), so a recorded step replays, and resumes bitwise.
#pragma once

#include "ops/op.h"

#include <utility>
#include <vector>

namespace ablate {

/// What the `state` tensor holds: (4) i32 words, kept from step to step, saved with the checkpoint. The host writes this struct's bytes
/// before the first step; loss_scale is 1 unless the precision is mixed-f16.
struct StepState {
  float loss_scale = 1.0f;       ///< what gradients are multiplied by (65536 is PyTorch's start)
  std::uint32_t good_steps = 0;  ///< steps without an overflow since the loss scale last changed
  std::uint32_t steps = 0;       ///< updates made; the t of AdamW's bias correction
  std::uint32_t skipped = 0;     ///< steps whose gradients were not finite
};
static_assert(sizeof(StepState) == 16);

struct OptimizerOptions {
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;  ///< of adamw; betas in [0, 1)
  double momentum = 0.9;                         ///< of sgd
  double weight_decay = 0.1;
  /// Runs of elements (offset, count) that decay, sorted, both multiples of 4. Other elements do not decay.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> decayed{};
  double clip = 1.0;                     ///< largest global L2 norm of the gradients; 0 does not clip
  bool dynamic_loss_scale = false;       ///< PyTorch's GradScaler: back off after an overflow, grow after so many good steps
  double growth = 2.0, backoff = 0.5;    ///< factors
  std::uint32_t growth_interval = 2000;  ///< good steps
};

/// Contiguous arenas of one element per parameter, in one order, of any size: an arena larger than a kernel can index is updated piece by piece. Padding between parameters must be zero in all of them, and stays so.
struct OptimizerArenas {
  Tensor parameters;  ///< (count) f32
  Tensor gradients;   ///< (count) f32, of the scaled loss; not changed
  Tensor m;           ///< (count) f32, zero before the first step; sgd's momentum
  Tensor v{};         ///< (count) f32, zero before the first step; adamw only
  Tensor mirror{};    ///< (count) f16 or bf16: the parameters rounded, written in the same pass; or none
};

/// What step_control decided. Read `norm` and `skipped` after the run (keep them first).
struct StepControl {
  Tensor norm;     ///< (1) f32: global L2 norm of the gradients after unscaling, before clipping; not finite when an entry is not
  Tensor skipped;  ///< (1) i32: 1 when the gradients were not finite and the update leaves everything as it was, else 0
  Tensor values;   ///< (5) words for the update kernels: gradient factor, norm, skipped, 1 - beta1^t, sqrt(1 - beta2^t)
};

/// loss_scale / count: the weight of every counted loss. state: as StepState; count: (1) f32 -> (1) f32.
Tensor loss_weight(Graph& graph, const Tensor& state, const Tensor& count);

/// The gradients' norm, torch.nn.utils.clip_grad_norm_'s factor min(1, clip / (norm + 1e-6)), and the next `state`: a step with gradients
/// that are not finite is skipped and halves a dynamic loss scale (torch.amp.GradScaler). Deterministic. `gradients`: of every arena.
StepControl step_control(Graph& graph, const std::vector<Tensor>& gradients, const Tensor& state, const OptimizerOptions& options);

/// torch.optim.AdamW (Loshchilov and Hutter 2019): p -= lr wd p; m, v = running means of g, g^2; p -= lr (m / (1 - beta1^t)) / (sqrt(v / (1
/// - beta2^t)) + eps). lr: (1) f32, written by the host before every step. Throws InputError when sizes or decay runs do not fit.
void adamw(Graph& graph, const OptimizerArenas& arenas, const StepControl& control, const Tensor& lr, const OptimizerOptions& options);

/// torch.optim.SGD with momentum: g += wd p; m = momentum m + g; p -= lr m.
void sgd(Graph& graph, const OptimizerArenas& arenas, const StepControl& control, const Tensor& lr, const OptimizerOptions& options);

/// into += x, same shape, f32: gradients of the pieces of a batch.
void accumulate(Graph& graph, const Tensor& into, const Tensor& x);

}  // namespace ablate
