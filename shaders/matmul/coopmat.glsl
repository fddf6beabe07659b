// C = A B (+ bias + residual) of 16-bit A and B on subgroup cooperative matrices (VK_KHR_cooperative_matrix), f32 accumulation; see matmul/tiled.comp for the
// layouts and the splits of K.
//
// Slices of TILE_K of both operands go to shared memory as they lie in global memory, rows padded by 16 bytes so that the rows of a matrix start in different
// banks. A subgroup keeps PART_M x PART_N of the workgroup's tile in accumulators. The next slice is on its way to registers while this one is multiplied.
// (A second buffer in place of a second barrier a slice was slower: what came waited for its place in the middle of the multiplications.)
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
layout(constant_id = 12) const uint COOP_M = 16;
layout(constant_id = 13) const uint COOP_N = 16;
layout(constant_id = 14) const uint COOP_K = 16;
layout(constant_id = 15) const uint A_VECTOR = 0;  // rows of A as stored start at multiples of eight elements, and likewise
layout(constant_id = 16) const uint B_VECTOR = 0;
layout(constant_id = 17) const uint C_VECTOR = 0;  // of C and the residual
layout(constant_id = 18) const uint SUBGROUP = 32;
layout(push_constant) uniform Push { In a; In b; In residual; InF32 bias; Out c; uint m, n, k, batch, k_per_split; } p;

const uint A_WIDTH = A_TRANSPOSED != 0 ? TILE_M : TILE_K, A_ROWS = A_TRANSPOSED != 0 ? TILE_K : TILE_M;  // of the tile as it lies in memory
const uint B_WIDTH = B_TRANSPOSED != 0 ? TILE_K : TILE_N, B_ROWS = B_TRANSPOSED != 0 ? TILE_N : TILE_K;
const uint A_STRIDE = A_WIDTH / 8 + 1, B_STRIDE = B_WIDTH / 8 + 1;  // in groups of eight elements
const uint A_SIZE = A_ROWS * A_STRIDE, B_SIZE = B_ROWS * B_STRIDE;
// Afterwards a subgroup's matrices that lie side by side, as f32, rows padded likewise.
const uint STRIP_GROUPS = PART_N / 8, STRIP_STRIDE = PART_N / 4 + 1, STRIP_SIZE = COOP_M * STRIP_STRIDE;
const uint TILES_SIZE = A_SIZE + B_SIZE, STRIPS_SIZE = LANES / SUBGROUP * STRIP_SIZE;
shared uvec4 tiles[TILES_SIZE > STRIPS_SIZE ? TILES_SIZE : STRIPS_SIZE];  // A, then B

const uint A_GROUPS = A_ROWS * A_WIDTH / 8, B_GROUPS = B_ROWS * B_WIDTH / 8;
const uint A_FETCHES = (A_GROUPS + LANES - 1) / LANES, B_FETCHES = (B_GROUPS + LANES - 1) / LANES;
const uint SUMS_M = PART_M / COOP_M, SUMS_N = PART_N / COOP_N;
const int A_LAYOUT = A_TRANSPOSED != 0 ? gl_CooperativeMatrixLayoutColumnMajor : gl_CooperativeMatrixLayoutRowMajor;
const int B_LAYOUT = B_TRANSPOSED != 0 ? gl_CooperativeMatrixLayoutColumnMajor : gl_CooperativeMatrixLayoutRowMajor;

#define SUM coopmat<float, gl_ScopeSubgroup, COOP_M, COOP_N, gl_MatrixUseAccumulator>

// Where the i-th piece of eight elements of this invocation lies in a tile with `pieces` of them in a row: (row, piece). All sizes are powers of two, so the
// invocation's part and the i-th step's add up without a carry, and the steps are constants.
uvec2 place(uint i, uint pieces) {
  const uint step = i * LANES;
  return uvec2(lane() / pieces + step / pieces, lane() % pieces + step % pieces);
}

// Eight elements of row `row` of a matrix of `rows` rows of `width`, from column `column`; zeros beyond it. `vector`: rows hold whole groups of eight.
uvec4 fetch(Words matrix, uint base, uint row, uint rows, uint column, uint width, bool vector) {
  uvec4 words = uvec4(0);
  if (row >= rows || column >= width) return words;
  if (vector) return WordsU32x4(matrix).at[(base + row * width + column) / 8];
  [[unroll]] for (uint e = 0; e < 8; ++e)
    if (column + e < width) words[e / 2] |= uint(WordsU16(matrix).at[base + row * width + column + e]) << (e % 2 * 16);
  return words;
}

// Eight sums of a row to C's elements from `to` on, of which those past the last column are none.
void write(vec4 low, vec4 high, uint to, uint column) {
  if (C_VECTOR != 0) {
    if (!is_null(p.bias)) {
      [[unroll]] for (uint e = 0; e < 4; ++e) low[e] += p.bias.at[column + e], high[e] += p.bias.at[column + 4 + e];
    }
    if (C_TYPE == DTYPE_F32) {
      if (!is_null(p.residual)) low += uintBitsToFloat(WordsU32x4(p.residual).at[to / 4]), high += uintBitsToFloat(WordsU32x4(p.residual).at[to / 4 + 1]);
      WordsU32x4(p.c).at[to / 4] = floatBitsToUint(low);
      WordsU32x4(p.c).at[to / 4 + 1] = floatBitsToUint(high);
    } else {
      if (!is_null(p.residual)) {
        const uvec4 before = WordsU32x4(p.residual).at[to / 8];
        low += vec4(decode2(before.x, C_TYPE), decode2(before.y, C_TYPE)), high += vec4(decode2(before.z, C_TYPE), decode2(before.w, C_TYPE));
      }
      WordsU32x4(p.c).at[to / 8] = uvec4(encode2(low.xy, C_TYPE), encode2(low.zw, C_TYPE), encode2(high.xy, C_TYPE), encode2(high.zw, C_TYPE));
    }
    return;
  }
  [[unroll]] for (uint e = 0; e < 8; ++e) {
    if (column + e >= p.n) continue;
    float x = e < 4 ? low[e % 4] : high[e % 4];
    if (!is_null(p.bias)) x += p.bias.at[column + e];
    if (!is_null(p.residual)) x += load_as(Words(p.residual), to + e, C_TYPE);
    store_as(Words(p.c), to + e, x, C_TYPE);
  }
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

  const uint k_loop = k_begin + TILE_K;
  // Where each piece of the first slice that the loop below fetches lies, in groups of eight elements; past the last row or column of C
  // another is read, and its sums are not kept.
  uint a_at[A_FETCHES], b_at[B_FETCHES];
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {
    const uvec2 at = place(i, A_WIDTH / 8);
    if (A_TRANSPOSED != 0) a_at[i] = a_base + (k_loop + at.x) * p.m + min(tile_row + at.y * 8, p.m - 8);
    else a_at[i] = a_base + min(tile_row + at.x, p.m - 1) * p.k + k_loop + at.y * 8;
    a_at[i] /= 8;
  }
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {
    const uvec2 at = place(i, B_WIDTH / 8);
    if (B_TRANSPOSED != 0) b_at[i] = b_base + min(tile_column + at.x, p.n - 1) * p.k + k_loop + at.y * 8;
    else b_at[i] = b_base + (k_loop + at.x) * p.n + min(tile_column + at.y * 8, p.n - 8);
    b_at[i] /= 8;
  }
  const uint a_step = (A_TRANSPOSED != 0 ? TILE_K * p.m : TILE_K) / 8, b_step = (B_TRANSPOSED != 0 ? TILE_K : TILE_K * p.n) / 8;

// The next whole slice.
#define FETCH                                                                                                                            \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) { a_next[i] = WordsU32x4(p.a).at[a_at[i]]; a_at[i] += a_step; }                        \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) { b_next[i] = WordsU32x4(p.b).at[b_at[i]]; b_at[i] += b_step; }
// The slice from k0 on, wherever it ends and however its rows are aligned; zeros past the end of K.
#define FETCH_CAREFULLY(k0)                                                                                                              \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {                                                                                      \
    const uvec2 at = place(i, A_WIDTH / 8);                                                                                              \
    if (A_TRANSPOSED != 0) a_next[i] = fetch(Words(p.a), a_base, (k0) + at.x, p.k, tile_row + at.y * 8, p.m, A_VECTOR != 0);             \
    else a_next[i] = fetch(Words(p.a), a_base, tile_row + at.x, p.m, (k0) + at.y * 8, p.k, A_VECTOR != 0);                               \
  }                                                                                                                                      \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {                                                                                      \
    const uvec2 at = place(i, B_WIDTH / 8);                                                                                              \
    if (B_TRANSPOSED != 0) b_next[i] = fetch(Words(p.b), b_base, tile_column + at.x, p.n, (k0) + at.y * 8, p.k, B_VECTOR != 0);          \
    else b_next[i] = fetch(Words(p.b), b_base, (k0) + at.x, p.k, tile_column + at.y * 8, p.n, B_VECTOR != 0);                            \
  }
#define KEEP                                                                                                                             \
  [[unroll]] for (uint i = 0; i < A_FETCHES; ++i) {                                                                                      \
    const uvec2 at = place(i, A_WIDTH / 8);                                                                                              \
    if (A_GROUPS % LANES == 0 || lane() + i * LANES < A_GROUPS) tiles[at.x * A_STRIDE + at.y] = a_next[i];                               \
  }                                                                                                                                      \
  [[unroll]] for (uint i = 0; i < B_FETCHES; ++i) {                                                                                      \
    const uvec2 at = place(i, B_WIDTH / 8);                                                                                              \
    if (B_GROUPS % LANES == 0 || lane() + i * LANES < B_GROUPS) tiles[A_SIZE + at.x * B_STRIDE + at.y] = b_next[i];                      \
  }
// Multiplies the slice in shared memory, where places are counted in groups of eight throughout: sums of such need no division.
#define MULTIPLY                                                                                                                         \
  [[unroll]] for (uint l = 0; l < TILE_K; l += COOP_K) {                                                                                 \
    coopmat<float16_t, gl_ScopeSubgroup, COOP_M, COOP_K, gl_MatrixUseA> a[SUMS_M];                                                       \
    [[unroll]] for (uint i = 0; i < SUMS_M; ++i)                                                                                         \
      coopMatLoad(a[i], tiles, a_part + (A_TRANSPOSED != 0 ? l * A_STRIDE + i * (COOP_M / 8) : i * COOP_M * A_STRIDE + l / 8), A_STRIDE, A_LAYOUT); \
    [[unroll]] for (uint j = 0; j < SUMS_N; ++j) {                                                                                       \
      coopmat<float16_t, gl_ScopeSubgroup, COOP_K, COOP_N, gl_MatrixUseB> b;                                                             \
      coopMatLoad(b, tiles, b_part + (B_TRANSPOSED != 0 ? j * COOP_N * B_STRIDE + l / 8 : l * B_STRIDE + j * (COOP_N / 8)), B_STRIDE, B_LAYOUT); \
      [[unroll]] for (uint i = 0; i < SUMS_M; ++i) sum[i * SUMS_N + j] = coopMatMulAdd(a[i], b, sum[i * SUMS_N + j]);                    \
    }                                                                                                                                    \
  }
  const uint a_part = A_TRANSPOSED != 0 ? part_row / 8 : part_row * A_STRIDE;
  const uint b_part = A_SIZE + (B_TRANSPOSED != 0 ? part_column * B_STRIDE : part_column / 8);
  FETCH_CAREFULLY(k_begin)
  KEEP
  barrier();
  uint k = k_begin;
  // Whole slices of aligned rows are most of the work: a loop without a condition, so that loads move freely between multiplications.
  const uint whole = A_VECTOR != 0 && B_VECTOR != 0 ? k_begin + (max(k_end, k_begin) - k_begin) / TILE_K * TILE_K : k_begin;
  for (; k + TILE_K < whole; k += TILE_K) {
    FETCH
    MULTIPLY
    barrier();
    KEEP
    barrier();
  }
  for (; k < k_end; k += TILE_K) {
    const bool more = k + TILE_K < k_end;
    if (more) {
      FETCH_CAREFULLY(k + TILE_K)
    }
    MULTIPLY
    barrier();
    if (more) {
      KEEP
    }
    barrier();
  }

  // Strip by strip through shared memory, where every subgroup has its own piece: rows leave in whole groups, wherever a driver keeps a matrix's elements.
  const uint plane = (splits ? split * p.batch + batch : batch) * p.m, strip = gl_SubgroupID * STRIP_SIZE;
  [[unroll]] for (uint i = 0; i < SUMS_M; ++i) {
    [[unroll]] for (uint j = 0; j < SUMS_N; ++j)
      coopMatStore(sum[i * SUMS_N + j], tiles, strip + j * (COOP_N / 4), STRIP_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
    [[unroll]] for (uint g = 0; g < COOP_M * STRIP_GROUPS; g += SUBGROUP) {
      const uint v = g + gl_SubgroupInvocationID, row = tile_row + part_row + i * COOP_M + v / STRIP_GROUPS,
                 column = tile_column + part_column + v % STRIP_GROUPS * 8;
      if (COOP_M * STRIP_GROUPS % SUBGROUP != 0 && v >= COOP_M * STRIP_GROUPS) continue;
      if (row >= p.m || column >= p.n) continue;
      const uint from = strip + v / STRIP_GROUPS * STRIP_STRIDE + v % STRIP_GROUPS * 2;
      write(uintBitsToFloat(tiles[from]), uintBitsToFloat(tiles[from + 1]), (plane + row) * p.n + column, column);
    }
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
  }
}
