#version 460
#include "common/blocks.glsl"

// C = A B (+ bias + residual), batched, as matmul/tiled.comp, for devices too small for it: an invocation computes a 4 x 4 tile in registers,
// without shared memory. B may be blocks of a storage format, stored (N, K).
layout(constant_id = 2) const uint A_TYPE = DTYPE_F32;
layout(constant_id = 3) const uint B_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint C_TYPE = DTYPE_F32;
layout(constant_id = 5) const uint A_TRANSPOSED = 0;
layout(constant_id = 6) const uint B_TRANSPOSED = 0;
layout(push_constant) uniform Push { In a; In b; In residual; InF32 bias; Out c; uint m, n, k, batch; } p;

float a_at(uint batch, uint row, uint k) {
  return load_as(Words(p.a), batch * p.m * p.k + (A_TRANSPOSED != 0 ? k * p.m + row : row * p.k + k), A_TYPE);
}
float b_at(uint batch, uint k, uint column) {
  return load_as(Words(p.b), batch * p.k * p.n + (B_TRANSPOSED != 0 ? column * p.k + k : k * p.n + column), B_TYPE);
}

void main() {
  const uint tile_rows = (p.m + 3) / 4, tile_columns = (p.n + 3) / 4;
  for (uint tile = first_item(); tile < p.batch * tile_rows * tile_columns; tile += item_stride()) {
    const uint batch = tile / (tile_rows * tile_columns);
    const uint row = tile / tile_columns % tile_rows * 4, column = tile % tile_columns * 4;
    const uvec4 rows = min(row + uvec4(0, 1, 2, 3), uvec4(p.m - 1)), columns = min(column + uvec4(0, 1, 2, 3), uvec4(p.n - 1));
    vec4 sum[4] = vec4[4](vec4(0), vec4(0), vec4(0), vec4(0));
#ifdef BLOCK_VALUES
    for (uint k = 0; k < p.k; k += 4) {
      vec4 b[4];
      [[unroll]] for (uint j = 0; j < 4; ++j) b[j] = weights4(Words(p.b), (batch * p.n + columns[j]) * (p.k / 4) + k / 4, B_TYPE);
      [[unroll]] for (uint l = 0; l < 4; ++l)
        [[unroll]] for (uint i = 0; i < 4; ++i)
          sum[i] = fma(vec4(a_at(batch, rows[i], k + l)), vec4(b[0][l], b[1][l], b[2][l], b[3][l]), sum[i]);
    }
#else
    for (uint k = 0; k < p.k; ++k) {
      const vec4 b = vec4(b_at(batch, k, columns.x), b_at(batch, k, columns.y), b_at(batch, k, columns.z), b_at(batch, k, columns.w));
      [[unroll]] for (uint i = 0; i < 4; ++i) sum[i] = fma(vec4(a_at(batch, rows[i], k)), b, sum[i]);
    }
#endif
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      [[unroll]] for (uint j = 0; j < 4; ++j) {
        if (row + i >= p.m || column + j >= p.n) continue;
        const uint at = (batch * p.m + row + i) * p.n + column + j;
        float x = sum[i][j];
        if (!is_null(p.bias)) x += p.bias.at[column + j];
        if (!is_null(p.residual)) x += load_as(Words(p.residual), at, C_TYPE);
        store_as(Words(p.c), at, x, C_TYPE);
      }
    }
  }
}
