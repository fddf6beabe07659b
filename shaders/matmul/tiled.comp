#version 460
#include "common/blocks.glsl"

// C = A B (+ bias + residual), batched. A: (M, K), B: (K, N), C, residual: (M, N), bias: (N), each as its layout says: NN as written, NT with B stored (N, K),
// TN with A stored (K, M). f32 arithmetic whatever the types. B may be blocks of a storage format: NT, its rows whole blocks.
//
// A workgroup computes a TILE_M x TILE_N tile. Slices of TILE_K of both operands go to shared memory, k outermost, in two buffers: while one is multiplied the
// next is on its way from memory to registers. An invocation keeps a M_PER x N_PER tile in registers, as blocks of 4 x 4 spread over the workgroup's tile so
// that neighbours read neighbouring vec4s. With splits > 1 each workgroup sums a part of K and writes a partial product (matmul/sum_splits adds them in order).
layout(constant_id = 2) const uint A_TYPE = DTYPE_F32;
layout(constant_id = 3) const uint B_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint C_TYPE = DTYPE_F32;
layout(constant_id = 5) const uint A_TRANSPOSED = 0;
layout(constant_id = 6) const uint B_TRANSPOSED = 0;
layout(constant_id = 7) const uint TILE_M = 64;
layout(constant_id = 8) const uint TILE_N = 64;
layout(constant_id = 9) const uint TILE_K = 16;
layout(constant_id = 10) const uint M_PER = 4;
layout(constant_id = 11) const uint N_PER = 4;
layout(constant_id = 12) const uint A_VECTOR = 0;  // rows of A start at multiples of four elements, and likewise
layout(constant_id = 13) const uint B_VECTOR = 0;
layout(constant_id = 14) const uint C_VECTOR = 0;  // of C and the residual
layout(push_constant) uniform Push { In a; In b; In residual; InF32 bias; Out c; uint m, n, k, batch, k_per_split; } p;

const uint PAD = 4;  // a column of four k's, written by 16 x 2 invocations, touches every bank once
const uint A_ROW = (TILE_M + PAD) / 4, B_ROW = (TILE_N + PAD) / 4;  // in groups of four, like all places in shared memory: sums of such need no division
shared vec4 a_tile[2 * TILE_K * A_ROW];
shared vec4 b_tile[2 * TILE_K * B_ROW];

const uint A_FETCHES = TILE_M * TILE_K / 4 / LANES, B_FETCHES = TILE_N * TILE_K / 4 / LANES;

// Where the i-th group of four of this invocation lies in a tile of `width` x TILE_K: x = (position across, k). LANES and widths are powers of two, so the
// invocation's part and the i-th step's add up without a carry, and the steps are constants.
// Along k: sixteen neighbours across by two groups of k, so that a memory sector is used whole.
uvec2 place_along_k(uint i, uint width) {
  const uint step = i * LANES / 2;
  return uvec2(lane() / 2 % width + step % width, lane() % 2 * 4 + lane() / 2 / width * 8 + step / width * 8);
}
uvec2 place_across(uint i, uint width) {
  const uint step = i * LANES;
  return uvec2(lane() % (width / 4) * 4 + step % (width / 4) * 4, lane() / (width / 4) + step / (width / 4));
}

// Four elements of a matrix stored (size, K), from (x, k) along k. Past the end of K there are zeros, past the other end something finite or not that reaches
// no element of C.
vec4 fetch_along_k(Words matrix, uint base, uint x, uint size, uint k, uint type, bool vector) {
  const uint at = base + min(x, size - 1) * p.k + k;
  if (vector) return k < p.k ? load4_as(matrix, at / 4, type) : vec4(0);
  vec4 v = vec4(0);
  [[unroll]] for (uint j = 0; j < 4; ++j) if (k + j < p.k) v[j] = load_as(matrix, at + j, type);
  return v;
}
// The same of B, which may be blocks.
vec4 fetch_weights(Words matrix, uint base, uint x, uint size, uint k) {
#ifdef BLOCK_VALUES
  return k < p.k ? weights4(matrix, (base + min(x, size - 1) * p.k + k) / 4, B_TYPE) : vec4(0);
#else
  return fetch_along_k(matrix, base, x, size, k, B_TYPE, B_VECTOR != 0);
#endif
}
// The same of a matrix stored (K, size), along the other dimension.
vec4 fetch_across(Words matrix, uint base, uint x, uint size, uint k, uint type, bool vector) {
  if (k >= p.k) return vec4(0);
  const uint row = base + k * size;
  if (vector) return load4_as(matrix, (row + min(x, size - 4)) / 4, type);
  vec4 v;
  [[unroll]] for (uint j = 0; j < 4; ++j) v[j] = load_as(matrix, row + min(x + j, size - 1), type);
  return v;
}

void main() {
  const uint splits = gl_NumWorkGroups.z / p.batch;
  const uint batch = gl_WorkGroupID.z % p.batch, split = gl_WorkGroupID.z / p.batch;
  const uint tile_row = gl_WorkGroupID.x * TILE_M, tile_column = gl_WorkGroupID.y * TILE_N;
  const uint k_begin = split * p.k_per_split, k_end = min(p.k, k_begin + p.k_per_split);
  const uint a_base = batch * p.m * p.k, b_base = batch * p.k * p.n;

  // 32 neighbours cover 4 x 8 invocations, in pairs one below the other: the eight that read shared memory at once then read few different words of it.
  const uint across = TILE_N / N_PER, warp = lane() / 32, in_warp = lane() % 32;
  const uint x = warp % (across / 8) * 8 + in_warp % 16 / 2, y = warp / (across / 8) * 4 + in_warp / 16 * 2 + in_warp % 2;

  vec4 sum[M_PER][N_PER / 4];
  [[unroll]] for (uint i = 0; i < M_PER; ++i) [[unroll]] for (uint j = 0; j < N_PER / 4; ++j) sum[i][j] = vec4(0);
  vec4 a_next[A_FETCHES], b_next[B_FETCHES];

  // Where each group of the first slice lies, in groups of four, when rows start at such groups; past the end another row or column is read for nothing.
  uint a_at[A_FETCHES], b_at[B_FETCHES];
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {
    const uvec2 at = A_TRANSPOSED != 0 ? place_across(i, TILE_M) : place_along_k(i, TILE_M);
    a_at[i] = (A_TRANSPOSED != 0 ? a_base + (k_begin + at.y) * p.m + min(tile_row + at.x, p.m - 4)
                                  : a_base + min(tile_row + at.x, p.m - 1) * p.k + k_begin + at.y) / 4;
  }
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {
    const uvec2 at = B_TRANSPOSED != 0 ? place_along_k(i, TILE_N) : place_across(i, TILE_N);
    b_at[i] = (B_TRANSPOSED != 0 ? b_base + min(tile_column + at.x, p.n - 1) * p.k + k_begin + at.y
                                  : b_base + (k_begin + at.y) * p.n + min(tile_column + at.x, p.n - 4)) / 4;
  }
  const uint a_step = (A_TRANSPOSED != 0 ? TILE_K * p.m : TILE_K) / 4, b_step = (B_TRANSPOSED != 0 ? TILE_K : TILE_K * p.n) / 4;

// The next whole slice, by groups of four.
#define FETCH                                                                                                                                  \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) { a_next[i] = load4_as(Words(p.a), a_at[i], A_TYPE); a_at[i] += a_step; }                    \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) { b_next[i] = weights4(Words(p.b), b_at[i], B_TYPE); b_at[i] += b_step; }
// The slice from k0 on, wherever it ends and however its rows are aligned.
#define FETCH_CAREFULLY(k0)                                                                                                                    \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {                                                                                            \
    const uvec2 at = A_TRANSPOSED != 0 ? place_across(i, TILE_M) : place_along_k(i, TILE_M);                                                   \
    a_next[i] = A_TRANSPOSED != 0 ? fetch_across(Words(p.a), a_base, tile_row + at.x, p.m, k0 + at.y, A_TYPE, A_VECTOR != 0)                   \
                                  : fetch_along_k(Words(p.a), a_base, tile_row + at.x, p.m, k0 + at.y, A_TYPE, A_VECTOR != 0);                 \
  }                                                                                                                                            \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {                                                                                            \
    const uvec2 at = B_TRANSPOSED != 0 ? place_along_k(i, TILE_N) : place_across(i, TILE_N);                                                   \
    b_next[i] = B_TRANSPOSED != 0 ? fetch_weights(Words(p.b), b_base, tile_column + at.x, p.n, k0 + at.y)                                      \
                                  : fetch_across(Words(p.b), b_base, tile_column + at.x, p.n, k0 + at.y, B_TYPE, B_VECTOR != 0);               \
  }
#define PUT(tile, row, slot, next, at, along_k)                                                                                                \
  if (along_k) {                                                                                                                               \
    [[unroll]] for (uint j = 0; j < 4; ++j) tile[(slot * TILE_K + at.y + j) * row + at.x / 4][at.x % 4] = next[j];                              \
  } else {                                                                                                                                     \
    tile[(slot * TILE_K + at.y) * row + at.x / 4] = next;                                                                                      \
  }
#define KEEP(slot)                                                                                                                             \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {                                                                                            \
    const uvec2 at = A_TRANSPOSED != 0 ? place_across(i, TILE_M) : place_along_k(i, TILE_M);                                                   \
    PUT(a_tile, A_ROW, slot, a_next[i], at, A_TRANSPOSED == 0)                                                                                 \
  }                                                                                                                                            \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {                                                                                            \
    const uvec2 at = B_TRANSPOSED != 0 ? place_along_k(i, TILE_N) : place_across(i, TILE_N);                                                   \
    PUT(b_tile, B_ROW, slot, b_next[i], at, B_TRANSPOSED != 0)                                                                                 \
  }

  const uint a_spread = TILE_M * 4 / M_PER, b_spread = TILE_N * 4 / N_PER;  // from one block of four to the invocation's next
// Multiplies the slice that lies in a slot.
#define MULTIPLY(slot)                                                                                                                         \
  [[unroll]] for (uint l = 0; l < TILE_K; ++l) {                                                                                               \
    vec4 a[M_PER / 4], b[N_PER / 4];                                                                                                           \
    [[unroll]] for (uint i = 0; i < M_PER / 4; ++i) a[i] = a_tile[slot * (TILE_K * A_ROW) + y + l * A_ROW + i * (a_spread / 4)];                 \
    [[unroll]] for (uint j = 0; j < N_PER / 4; ++j) b[j] = b_tile[slot * (TILE_K * B_ROW) + x + l * B_ROW + j * (b_spread / 4)];                 \
    [[unroll]] for (uint i = 0; i < M_PER; ++i)                                                                                                \
      [[unroll]] for (uint j = 0; j < N_PER / 4; ++j) sum[i][j] = fma(vec4(a[i / 4][i % 4]), b[j], sum[i][j]);                                  \
  }

  // Whole slices of aligned rows are most of the work: a loop without a condition, so that loads move freely between multiplications.
  const uint whole = A_VECTOR != 0 && B_VECTOR != 0 ? k_begin + (max(k_end, k_begin) - k_begin) / TILE_K * TILE_K : k_begin;
  if (k_begin < whole) {
    FETCH
  } else {
    FETCH_CAREFULLY(k_begin)
  }
  KEEP(0)
  barrier();
  uint slot = 0, k = k_begin;
  for (; k + TILE_K < whole; k += TILE_K) {
    FETCH
    MULTIPLY(slot)
    slot ^= 1u;
    KEEP(slot)
    barrier();
  }
  for (; k < k_end; k += TILE_K) {
    const bool more = k + TILE_K < k_end;
    if (more) {
      FETCH_CAREFULLY((k + TILE_K))
    }
    MULTIPLY(slot)
    slot ^= 1u;
    if (more) {
      KEEP(slot)
    }
    barrier();
  }

  const uint plane = (splits > 1 ? split * p.batch + batch : batch) * p.m;
  [[unroll]] for (uint i = 0; i < M_PER; ++i) {
    const uint row = tile_row + i / 4 * a_spread + y * 4 + i % 4;
    if (row >= p.m) continue;
    [[unroll]] for (uint j = 0; j < N_PER / 4; ++j) {
      const uint column = tile_column + j * b_spread + x * 4, at = (plane + row) * p.n + column;
      if (column >= p.n) continue;
      if (C_VECTOR != 0) {
        vec4 v = sum[i][j];
        if (!is_null(p.bias)) v += vec4(p.bias.at[column], p.bias.at[column + 1], p.bias.at[column + 2], p.bias.at[column + 3]);
        if (!is_null(p.residual)) v += load4_as(Words(p.residual), at / 4, C_TYPE);
        store4_as(Words(p.c), at / 4, v, C_TYPE);
      } else {
        [[unroll]] for (uint e = 0; e < 4; ++e) {
          if (column + e >= p.n) continue;
          float v = sum[i][j][e];
          if (!is_null(p.bias)) v += p.bias.at[column + e];
          if (!is_null(p.residual)) v += load_as(Words(p.residual), at + e, C_TYPE);
          store_as(Words(p.c), at + e, v, C_TYPE);
        }
      }
    }
  }
}
