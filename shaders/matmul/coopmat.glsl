// C = A B (+ bias + residual) of 16-bit A and B on subgroup cooperative matrices (VK_KHR_cooperative_matrix), f32 accumulation; see matmul/tiled.comp for the
// layouts and the splits of K.
//
// Slices of TILE_K of both operands go to shared memory as they lie in global memory, rows padded by 16 bytes so that the rows of a matrix start in different
// banks. A subgroup keeps PART_M x PART_N of the workgroup's tile in accumulators. The next slice is on its way to registers while this one is multiplied;
// with BUFFERS = 2 it then goes to the other half of shared memory, which saves one of two barriers.
#include "matmul/tile_of_group.glsl"

layout(constant_id = 2) const uint A_TYPE = DTYPE_F16;
layout(constant_id = 3) const uint B_TYPE = DTYPE_F16;
layout(constant_id = 4) const uint C_TYPE = DTYPE_F32;
layout(constant_id = 5) const uint A_TRANSPOSED = 0;
layout(constant_id = 6) const uint B_TRANSPOSED = 0;
layout(constant_id = 7) const uint TILE_M = 64;
layout(constant_id = 8) const uint TILE_N = 64;
layout(constant_id = 9) const uint TILE_K = 32;
layout(constant_id = 10) const uint PART_M = 32;
layout(constant_id = 11) const uint PART_N = 32;
layout(constant_id = 12) const uint BUFFERS = 1;
layout(constant_id = 13) const uint COOP_M = 16;
layout(constant_id = 14) const uint COOP_N = 16;
layout(constant_id = 15) const uint COOP_K = 16;
layout(constant_id = 16) const uint A_VECTOR = 0;  // rows of A as stored start at multiples of eight elements, and likewise
layout(constant_id = 17) const uint B_VECTOR = 0;
layout(constant_id = 18) const uint C_VECTOR = 0;  // of C and the residual
layout(push_constant) uniform Push { In a; In b; In residual; InF32 bias; Out c; uint m, n, k, batch, k_per_split; } p;

const uint A_WIDTH = A_TRANSPOSED != 0 ? TILE_M : TILE_K, A_ROWS = A_TRANSPOSED != 0 ? TILE_K : TILE_M;  // of the tile as it lies in memory
const uint B_WIDTH = B_TRANSPOSED != 0 ? TILE_K : TILE_N, B_ROWS = B_TRANSPOSED != 0 ? TILE_N : TILE_K;
const uint A_STRIDE = A_WIDTH / 8 + 1, B_STRIDE = B_WIDTH / 8 + 1;  // in groups of eight elements
const uint A_SIZE = A_ROWS * A_STRIDE, B_SIZE = B_ROWS * B_STRIDE;
shared uvec4 tiles[BUFFERS * (A_SIZE + B_SIZE)];  // A, A, B, B

const uint A_GROUPS = A_ROWS * A_WIDTH / 8, B_GROUPS = B_ROWS * B_WIDTH / 8;
const uint A_FETCHES = (A_GROUPS + LANES - 1) / LANES, B_FETCHES = (B_GROUPS + LANES - 1) / LANES;
const uint SUMS_M = PART_M / COOP_M, SUMS_N = PART_N / COOP_N;
const int A_LAYOUT = A_TRANSPOSED != 0 ? gl_CooperativeMatrixLayoutColumnMajor : gl_CooperativeMatrixLayoutRowMajor;
const int B_LAYOUT = B_TRANSPOSED != 0 ? gl_CooperativeMatrixLayoutColumnMajor : gl_CooperativeMatrixLayoutRowMajor;

#define SUM coopmat<float, gl_ScopeSubgroup, COOP_M, COOP_N, gl_MatrixUseAccumulator>
#define HALF_SUM coopmat<float16_t, gl_ScopeSubgroup, COOP_M, COOP_N, gl_MatrixUseAccumulator>

// Eight elements of row `row` of a matrix of `rows` rows of `width`, from column `column`; zeros beyond it.
uvec4 fetch(Words matrix, uint base, uint row, uint rows, uint column, uint width) {
  uvec4 words = uvec4(0);
  if (row >= rows) return words;
  [[unroll]] for (uint e = 0; e < 8; ++e)
    if (column + e < width) words[e / 2] |= uint(WordsU16(matrix).at[base + row * width + column + e]) << (e % 2 * 16);
  return words;
}

void main() {
  const uint batch = gl_WorkGroupID.z % p.batch, split = gl_WorkGroupID.z / p.batch;
  const bool splits = gl_NumWorkGroups.z > p.batch;
  const uvec2 tile = tile_of_group();
  const uint tile_row = tile.x * TILE_M, tile_column = tile.y * TILE_N;
  const uint k_begin = split * p.k_per_split, k_end = min(p.k, k_begin + p.k_per_split);
  const uint a_base = batch * p.m * p.k, b_base = batch * p.k * p.n;
  const uint part_row = gl_SubgroupID / (TILE_N / PART_N) * PART_M, part_column = gl_SubgroupID % (TILE_N / PART_N) * PART_N;

  SUM sum[SUMS_M * SUMS_N];  // of one dimension, which drivers keep in registers
  [[unroll]] for (uint i = 0; i < SUMS_M; ++i)
    [[unroll]] for (uint j = 0; j < SUMS_N; ++j) sum[i * SUMS_N + j] = SUM(0.0);
  uvec4 a_next[A_FETCHES], b_next[B_FETCHES];

  // Where each piece of the first slice lies, in groups of eight elements; past the last row or column of C another is read, and its sums are not kept.
  uint a_at[A_FETCHES], b_at[B_FETCHES];
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {
    const uint v = lane() + i * LANES, row = v / (A_WIDTH / 8), column = v % (A_WIDTH / 8) * 8;
    if (A_TRANSPOSED != 0) a_at[i] = a_base + (k_begin + row) * p.m + min(tile_row + column, p.m - 8);
    else a_at[i] = a_base + min(tile_row + row, p.m - 1) * p.k + k_begin + column;
    a_at[i] /= 8;
  }
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {
    const uint v = lane() + i * LANES, row = v / (B_WIDTH / 8), column = v % (B_WIDTH / 8) * 8;
    if (B_TRANSPOSED != 0) b_at[i] = b_base + min(tile_column + row, p.n - 1) * p.k + k_begin + column;
    else b_at[i] = b_base + (k_begin + row) * p.n + min(tile_column + column, p.n - 8);
    b_at[i] /= 8;
  }
  const uint a_step = (A_TRANSPOSED != 0 ? TILE_K * p.m : TILE_K) / 8, b_step = (B_TRANSPOSED != 0 ? TILE_K : TILE_K * p.n) / 8;

// The pieces of the slice from k0 on, the next to those fetched before; zeros past the end of K.
#define FETCH(k0)                                                                                                                        \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {                                                                                      \
    const uint v = lane() + i * LANES, row = v / (A_WIDTH / 8), column = v % (A_WIDTH / 8) * 8;                                          \
    if (A_VECTOR != 0) {                                                                                                                 \
      a_next[i] = uvec4(0);                                                                                                              \
      if ((k0) + (A_TRANSPOSED != 0 ? row : column) < p.k) a_next[i] = WordsU32x4(p.a).at[a_at[i]];                                      \
      a_at[i] += a_step;                                                                                                                 \
    } else if (A_TRANSPOSED != 0) a_next[i] = fetch(Words(p.a), a_base, (k0) + row, p.k, tile_row + column, p.m);                        \
    else a_next[i] = fetch(Words(p.a), a_base, tile_row + row, p.m, (k0) + column, p.k);                                                 \
  }                                                                                                                                      \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {                                                                                      \
    const uint v = lane() + i * LANES, row = v / (B_WIDTH / 8), column = v % (B_WIDTH / 8) * 8;                                          \
    if (B_VECTOR != 0) {                                                                                                                 \
      b_next[i] = uvec4(0);                                                                                                              \
      if ((k0) + (B_TRANSPOSED != 0 ? column : row) < p.k) b_next[i] = WordsU32x4(p.b).at[b_at[i]];                                      \
      b_at[i] += b_step;                                                                                                                 \
    } else if (B_TRANSPOSED != 0) b_next[i] = fetch(Words(p.b), b_base, tile_column + row, p.n, (k0) + column, p.k);                     \
    else b_next[i] = fetch(Words(p.b), b_base, (k0) + row, p.k, tile_column + column, p.n);                                              \
  }
#define KEEP(half)                                                                                                                       \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {                                                                                      \
    const uint v = lane() + i * LANES;                                                                                                   \
    if (A_GROUPS % LANES == 0 || v < A_GROUPS) tiles[(half) * A_SIZE + v / (A_WIDTH / 8) * A_STRIDE + v % (A_WIDTH / 8)] = a_next[i];    \
  }                                                                                                                                      \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {                                                                                      \
    const uint v = lane() + i * LANES;                                                                                                   \
    if (B_GROUPS % LANES == 0 || v < B_GROUPS)                                                                                           \
      tiles[BUFFERS * A_SIZE + (half) * B_SIZE + v / (B_WIDTH / 8) * B_STRIDE + v % (B_WIDTH / 8)] = b_next[i];                          \
  }

  FETCH(k_begin)
  KEEP(0)
  barrier();
  uint at = 0;
  for (uint k = k_begin; k < k_end; k += TILE_K) {
    const bool more = k + TILE_K < k_end;
    if (more) {
      FETCH(k + TILE_K)
    }
    [[unroll]] for (uint l = 0; l < TILE_K; l += COOP_K) {
      coopmat<float16_t, gl_ScopeSubgroup, COOP_M, COOP_K, gl_MatrixUseA> a[SUMS_M];
      [[unroll]] for (uint i = 0; i < SUMS_M; ++i) {
        const uint row = part_row + i * COOP_M;
        coopMatLoad(a[i], tiles, at * A_SIZE + (A_TRANSPOSED != 0 ? l * A_STRIDE + row / 8 : row * A_STRIDE + l / 8), A_STRIDE, A_LAYOUT);
      }
      [[unroll]] for (uint j = 0; j < SUMS_N; ++j) {
        const uint column = part_column + j * COOP_N;
        coopmat<float16_t, gl_ScopeSubgroup, COOP_K, COOP_N, gl_MatrixUseB> b;
        coopMatLoad(b, tiles, BUFFERS * A_SIZE + at * B_SIZE + (B_TRANSPOSED != 0 ? column * B_STRIDE + l / 8 : l * B_STRIDE + column / 8), B_STRIDE, B_LAYOUT);
        [[unroll]] for (uint i = 0; i < SUMS_M; ++i) sum[i * SUMS_N + j] = coopMatMulAdd(a[i], b, sum[i * SUMS_N + j]);
      }
    }
    if (BUFFERS == 1) barrier();
    else at ^= 1u;
    if (more) {
      KEEP(at)
    }
    barrier();
  }

  const uint plane = (splits ? split * p.batch + batch : batch) * p.m;
  const bool whole = C_VECTOR != 0 && tile_row + TILE_M <= p.m && tile_column + TILE_N <= p.n && is_null(p.bias);
  if (whole) {  // matrices go straight to memory
    [[unroll]] for (uint i = 0; i < SUMS_M; ++i) {
      [[unroll]] for (uint j = 0; j < SUMS_N; ++j) {
        const uint to = (plane + tile_row + part_row + i * COOP_M) * p.n + tile_column + part_column + j * COOP_N;
        SUM c = sum[i * SUMS_N + j];
        if (C_TYPE == DTYPE_F32) {
          if (!is_null(p.residual)) {
            SUM before;
            coopMatLoad(before, AlignedF32(Words(p.residual)).at, to, p.n, gl_CooperativeMatrixLayoutRowMajor);
            c = c + before;
          }
          coopMatStore(c, AlignedF32(Words(p.c)).at, to, p.n, gl_CooperativeMatrixLayoutRowMajor);
        } else {
          if (!is_null(p.residual)) {
            HALF_SUM before;
            coopMatLoad(before, AlignedU16(Words(p.residual)).at, to, p.n, gl_CooperativeMatrixLayoutRowMajor);
            c = c + SUM(before);
          }
          [[unroll]] for (uint e = 0; e < c.length(); ++e) c[e] = nearest(c[e], C_TYPE);
          coopMatStore(HALF_SUM(c), AlignedU16(Words(p.c)).at, to, p.n, gl_CooperativeMatrixLayoutRowMajor);
        }
      }
    }
    return;
  }
  // At an edge, or with a bias: matrix by matrix through shared memory, element by element to memory. Every subgroup has its own piece of the tiles' memory.
  const uint piece = gl_SubgroupID * (COOP_M * COOP_N / 4);
  // Drivers do not unroll a body this long, and an index they cannot resolve would keep all sums out of registers: hence the search for the one in turn.
  [[dont_unroll]] for (uint turn = 0; turn < SUMS_M * SUMS_N; ++turn) {
    SUM c;
    [[unroll]] for (uint i = 0; i < SUMS_M * SUMS_N; ++i)
      if (i == turn) c = sum[i];
    coopMatStore(c, tiles, piece, COOP_N / 4, gl_CooperativeMatrixLayoutRowMajor);
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
    const uint first_row = tile_row + part_row + turn / SUMS_N * COOP_M, first_column = tile_column + part_column + turn % SUMS_N * COOP_N;
    for (uint e = gl_SubgroupInvocationID; e < COOP_M * COOP_N; e += gl_SubgroupSize) {
      const uint row = first_row + e / COOP_N, column = first_column + e % COOP_N;
      if (row >= p.m || column >= p.n) continue;
      float x = uintBitsToFloat(tiles[piece + e / 4][e % 4]);
      if (!is_null(p.bias)) x += p.bias.at[column];
      const uint to = (plane + row) * p.n + column;
      if (!is_null(p.residual)) x += load_as(Words(p.residual), to, C_TYPE);
      store_as(Words(p.c), to, x, C_TYPE);
    }
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
  }
}
