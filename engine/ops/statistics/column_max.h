#pragma once

#include "ops/op.h"

namespace ablate {

/// The largest |x| of every channel over the rows, ties to the lowest row.
struct ColumnMax {
  Tensor values;  ///< (C) f32, magnitudes
  Tensor rows;    ///< (C) i32
};

/// x: (..., C) f32, f16 or bf16.
ColumnMax column_max(Graph& graph, const Tensor& x);

}  // namespace ablate
