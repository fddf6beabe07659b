#version 460
#extension GL_KHR_shader_subgroup_ballot : require
#include "common/blocks.glsl"

// C = A B (+ residual + bias), batched, as matmul/tiled.comp, for CPUs: a workgroup is one subgroup and computes ROWS rows of COLUMNS * LANES columns in
// registers. There a load costs the same for every lane whatever its address, some forty times a multiplication, so what counts is multiplications per load:
// each lane loads its own columns of B and one of LANES consecutive elements of A, which then go round by broadcast. Blocks of a storage format, stored (N, K),
// take fewer loads than numbers do.
layout(constant_id = 2) const uint A_TYPE = DTYPE_F32;
layout(constant_id = 3) const uint B_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint C_TYPE = DTYPE_F32;
layout(constant_id = 5) const uint A_TRANSPOSED = 0;
layout(constant_id = 6) const uint B_TRANSPOSED = 0;
layout(constant_id = 7) const uint ROWS = 16;
layout(constant_id = 8) const uint COLUMNS = 2;
layout(push_constant) uniform Push { In a; In b; In residual; InF32 bias; Out c; uint m, n, k, batch; } p;

float a_at(uint batch, uint row, uint k) {
  const float x = load_as(Words(p.a), batch * p.m * p.k + (A_TRANSPOSED != 0 ? min(k, p.k - 1) * p.m + row : row * p.k + min(k, p.k - 1)), A_TYPE);
  return k < p.k ? x : 0.0;
}
float b_at(uint batch, uint k, uint column) {
  const float x = load_as(Words(p.b), batch * p.k * p.n + (B_TRANSPOSED != 0 ? column * p.k + min(k, p.k - 1) : min(k, p.k - 1) * p.n + column), B_TYPE);
  return k < p.k ? x : 0.0;
}

void main() {
  const uint width = COLUMNS * LANES;
  const uint tile_rows = (p.m + ROWS - 1) / ROWS, tile_columns = (p.n + width - 1) / width;
  for (uint tile = first_row(); tile < p.batch * tile_rows * tile_columns; tile += row_stride()) {
    const uint batch = tile / (tile_rows * tile_columns);
    const uint row = tile / tile_columns % tile_rows * ROWS, column = tile % tile_columns * width + lane();
    float sum[ROWS][COLUMNS];
    [[unroll]] for (uint i = 0; i < ROWS; ++i) [[unroll]] for (uint j = 0; j < COLUMNS; ++j) sum[i][j] = 0.0;
#ifdef BLOCK_VALUES
    uint place[COLUMNS];  // of each column, in groups of four
    [[unroll]] for (uint j = 0; j < COLUMNS; ++j) place[j] = (batch * p.n + min(column + j * LANES, p.n - 1)) * (p.k / 4);
    for (uint first = 0; first < p.k; first += SCALE_VALUES) {
      vec2 scale[COLUMNS];
      uint block[COLUMNS], group[COLUMNS];
      [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
        block[j] = block_of(place[j] + first / 4);
        group[j] = group_of(place[j] + first / 4);
        scale[j] = scale4(Words(p.b), block[j], group[j]);
      }
      for (uint k = 0; k < SCALE_VALUES; k += LANES) {
        float a[ROWS];
        [[unroll]] for (uint i = 0; i < ROWS; ++i) a[i] = a_at(batch, min(row + i, p.m - 1), first + k + lane());
        [[unroll]] for (uint l = 0; l < LANES; l += 4) {
          vec4 b[COLUMNS];
          [[unroll]] for (uint j = 0; j < COLUMNS; ++j)
            b[j] = fma(vec4(scale[j].x), numbers4(Words(p.b), block[j], group[j] + (k + l) / 4), vec4(scale[j].y));
          [[unroll]] for (uint e = 0; e < 4; ++e) {
            [[unroll]] for (uint i = 0; i < ROWS; ++i) {
              const float x = subgroupBroadcast(a[i], l + e);
              [[unroll]] for (uint j = 0; j < COLUMNS; ++j) sum[i][j] = fma(x, b[j][e], sum[i][j]);
            }
          }
        }
      }
    }
#else
    for (uint k = 0; k < p.k; k += LANES) {
      float a[ROWS];
      if (A_TRANSPOSED == 0) [[unroll]] for (uint i = 0; i < ROWS; ++i) a[i] = a_at(batch, min(row + i, p.m - 1), k + lane());
      [[unroll]] for (uint l = 0; l < LANES; ++l) {
        // Rows lie side by side where A is transposed: lanes take rows then.
        if (A_TRANSPOSED != 0) [[unroll]] for (uint i = 0; i < ROWS; i += LANES) a[i] = a_at(batch, min(row + i + lane(), p.m - 1), k + l);
        float b[COLUMNS];
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) b[j] = b_at(batch, k + l, min(column + j * LANES, p.n - 1));
        [[unroll]] for (uint i = 0; i < ROWS; ++i) {
          const float x = A_TRANSPOSED != 0 ? subgroupBroadcast(a[i / LANES * LANES], i % LANES) : subgroupBroadcast(a[i], l);
          [[unroll]] for (uint j = 0; j < COLUMNS; ++j) sum[i][j] = fma(x, b[j], sum[i][j]);
        }
      }
    }
#endif
    [[unroll]] for (uint i = 0; i < ROWS; ++i) {
      [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
        if (row + i >= p.m || column + j * LANES >= p.n) continue;
        const uint at = (batch * p.m + row + i) * p.n + column + j * LANES;
        float x = sum[i][j];
        if (!is_null(p.bias)) x += p.bias.at[column + j * LANES];
        if (!is_null(p.residual)) x += load_as(Words(p.residual), at, C_TYPE);
        store_as(Words(p.c), at, x, C_TYPE);
      }
    }
  }
}
