// Muon: a matrix moves by its momentum made orthogonal, so that no direction, and no channel, moves further than another (Jordan et al. 2024).
#pragma once

#include "ops/optimizer.h"

namespace ablate {

struct MuonOptions {
  double momentum = 0.95;
  double weight_decay = 0.1;  ///< 0: none
  int steps = 5;              ///< of Newton and Schulz
};

/// One (rows, columns) matrix, whose elements `arenas` holds (without v): torch.optim.Muon with adjust_lr_fn = "match_rms_adamw".
/// m += (1 - momentum) (g - m); u = g + momentum (m - g) (Nesterov); o = newton_schulz(u); p -= lr wd p; p -= lr 0.2 sqrt(max(rows, columns)) o, so that an
/// update's root mean square is about AdamW's, and one learning rate does for both (Liu et al. 2025, arXiv 2502.16982). The gradient is clipped with all others; a
/// skipped step changes nothing.
void muon(Graph& graph, const OptimizerArenas& arenas, std::uint32_t rows, std::uint32_t columns, const StepControl& control,
          const Tensor& lr, const MuonOptions& options);

/// u (rows, columns) f32 with its singular values brought near 1: x = u / max(|u|, 1e-7), then `steps` times x = a x + (b y + c y^2) x with y = x x^T (of a tall matrix from
/// the other side) and a, b, c = 3.4445, -4.7750, 2.0315. They end between about 0.7 and 1.2. Not differentiable.
Tensor newton_schulz(Graph& graph, const Tensor& u, int steps);

}  // namespace ablate
