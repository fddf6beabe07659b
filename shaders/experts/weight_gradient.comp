#version 460
#include "common/kernel.glsl"

// dw of each expert: the sum over its slots, in order, of dy^T x; with x null, of dy alone. A workgroup takes ROWS rows of a matrix and LANES of its columns.
// dy: (slots, rows)   x: as in experts/product.comp   dw: (experts, rows, columns), or (experts, rows)
layout(constant_id = 2) const uint X_TYPE = DTYPE_F32;
layout(constant_id = 3) const uint W_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint ROWS = 8;
layout(push_constant) uniform Push {
  In dy; In x; InU32 order; InU32 starts; Out dw;
  uint experts, rows, columns, shared_by;
} p;

void main() {
  const uint row_tiles = (p.rows + ROWS - 1) / ROWS, column_tiles = (p.columns + LANES - 1) / LANES;
  for (uint task = first_row(); task < p.experts * row_tiles * column_tiles; task += row_stride()) {
    const uint expert = task / column_tiles / row_tiles, row = task / column_tiles % row_tiles * ROWS;
    const uint column = task % column_tiles * LANES + lane();
    if (column >= p.columns) continue;
    float sum[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) sum[r] = 0.0;
    for (uint i = p.starts.at[expert]; i < p.starts.at[expert + 1]; ++i) {
      const uint slot = p.order.at[i];
      const float x = is_null(p.x) ? 1.0 : load_as(Words(p.x), slot / p.shared_by * p.columns + column, X_TYPE);
      [[unroll]] for (uint r = 0; r < ROWS; ++r)
        sum[r] = fma(load_as(Words(p.dy), slot * p.rows + min(row + r, p.rows - 1), X_TYPE), x, sum[r]);
    }
    [[unroll]] for (uint r = 0; r < ROWS; ++r)
      if (row + r < p.rows) store_as(Words(p.dw), (expert * p.rows + row + r) * p.columns + column, sum[r], W_TYPE);
  }
}
