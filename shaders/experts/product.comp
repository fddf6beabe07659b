#version 460
#include "common/blocks.glsl"

// y[slot] = x W^T (+ bias), or x W where TRANSPOSED, with the matrix of the slot's expert. A workgroup takes ROWS slots of one expert and LANES columns; the
// slots' parts of x come through shared memory, STEP elements at a time. w may be blocks of a storage format, where it is not TRANSPOSED.
// x: (slots, inner), or one row for the `shared_by` slots of a token   w: (experts, columns, inner), or (experts, inner, columns)   bias: (experts, columns), may
// be null   order, starts: see experts/order.comp   y: (slots, columns)
layout(constant_id = 2) const uint X_TYPE = DTYPE_F32;
layout(constant_id = 3) const uint W_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint TRANSPOSED = 0;
layout(constant_id = 5) const uint ROWS = 8;
layout(push_constant) uniform Push {
  In x; In w; InF32 bias; InU32 order; InU32 starts; Out y;
  uint experts, columns, inner, shared_by, tiles;
} p;

const uint STEP = 64;
shared float staged[ROWS * STEP];

// The expert whose slots hold tile t, and which of its tiles that is; (experts, 0) past the last.
uvec2 find_tile(uint t) {
  for (uint e = 0; e < p.experts; ++e) {
    const uint tiles = (p.starts.at[e + 1] - p.starts.at[e] + ROWS - 1) / ROWS;
    if (t < tiles) return uvec2(e, t);
    t -= tiles;
  }
  return uvec2(p.experts, 0);
}

void main() {
  const uint column_tiles = (p.columns + LANES - 1) / LANES;
  for (uint task = first_row(); task < p.tiles * column_tiles; task += row_stride()) {
    const uvec2 found = find_tile(task / column_tiles);
    if (found.x == p.experts) continue;
    const uint first = p.starts.at[found.x] + found.y * ROWS, count = min(ROWS, p.starts.at[found.x + 1] - first);
    const uint column = task % column_tiles * LANES + lane(), read = min(column, p.columns - 1);
    const uint matrix = found.x * p.columns * p.inner;
    float sum[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) sum[r] = 0.0;
    for (uint begin = 0; begin < p.inner; begin += STEP) {
      const uint width = min(STEP, p.inner - begin);
      barrier();
      for (uint i = lane(); i < ROWS * STEP; i += LANES) {
        const uint r = min(i / STEP, count - 1), k = i % STEP;
        const uint row = p.order.at[first + r] / p.shared_by;
        staged[i] = k < width ? load_as(Words(p.x), row * p.inner + begin + k, X_TYPE) : 0.0;
      }
      barrier();
#ifdef BLOCK_VALUES
      for (uint k = 0; k < width; k += 4) {
        const vec4 w = weights4(Words(p.w), (matrix + read * p.inner + begin + k) / 4, W_TYPE);
        [[unroll]] for (uint l = 0; l < 4; ++l)
          [[unroll]] for (uint r = 0; r < ROWS; ++r) sum[r] = fma(staged[r * STEP + k + l], w[l], sum[r]);
      }
#else
      for (uint k = 0; k < width; ++k) {
        const uint at = TRANSPOSED != 0 ? (begin + k) * p.columns + read : read * p.inner + begin + k;
        const float w = load_as(Words(p.w), matrix + at, W_TYPE);
        [[unroll]] for (uint r = 0; r < ROWS; ++r) sum[r] = fma(staged[r * STEP + k], w, sum[r]);
      }
#endif
    }
    if (column >= p.columns) continue;
    const float bias = is_null(p.bias) ? 0.0 : p.bias.at[found.x * p.columns + column];
    [[unroll]] for (uint r = 0; r < ROWS; ++r)
      if (r < count) store_as(Words(p.y), p.order.at[first + r] * p.columns + column, sum[r] + bias, X_TYPE);
  }
}
