// Attention on subgroup cooperative matrices (VK_KHR_cooperative_matrix), 16-bit operands, f32 sums. A workgroup takes BLOCK_ROWS rows (queries, or keys in the
// backward pass for keys), PARTS matrices of rows for each of its subgroups, against BLOCK_COLUMNS columns at a time, which go through shared memory.
//
// Scores, weights and gradients stay in accumulators. A number per row or column (a log-sum-exp, a position) becomes a matrix of the accumulators' layout by
// loading it with stride 0, so that everything is elementwise; only to become an operand again do weights pass through shared memory.
#ifndef ABLATE_ATTENTION_COOPMAT_GLSL
#define ABLATE_ATTENTION_COOPMAT_GLSL
#include "attention/coop_weight.glsl"

layout(constant_id = 4) const uint SUBGROUPS = 4;
layout(constant_id = 5) const uint PARTS = 1;
layout(constant_id = 6) const uint BLOCK_COLUMNS = 64;
layout(constant_id = 7) const uint COOP_M = 16;
layout(constant_id = 8) const uint COOP_N = 16;
layout(constant_id = 9) const uint COOP_K = 16;

const uint ROWS = PARTS * COOP_M, BLOCK_ROWS = SUBGROUPS * ROWS;
const uint GROUPS = HEAD_DIM / 8;                       // of eight channels, 16 bytes
const uint STRIDE = GROUPS + 1;                         // of a vector in shared memory; one more than needed, against bank conflicts
const uint WEIGHT_STRIDE = BLOCK_COLUMNS / 8 + 1;
const uint DEEP = HEAD_DIM / COOP_K, WIDE = HEAD_DIM / COOP_N;  // matrices along a vector, as operand and as result
const uint COLUMNS = BLOCK_COLUMNS / COOP_N;            // matrices across a block of columns

// Of wide heads a subgroup's rows do not fit its registers beside the results.
const bool ROWS_IN_SHARED = HEAD_DIM > 64;

shared uvec4 tile[2 * BLOCK_COLUMNS * STRIDE];          // two vectors of every column; at start and end, one of every row
shared uvec4 row_tile[ROWS_IN_SHARED ? 2 * BLOCK_ROWS * STRIDE : 1];  // two vectors of every row
shared uvec4 weights[BLOCK_ROWS * WEIGHT_STRIDE];
shared float scratch[SUBGROUPS * COOP_M * COOP_N];
shared float row_value[2 * BLOCK_ROWS];
shared float column_value[2 * BLOCK_COLUMNS];
shared float counting[COOP_M + COOP_N];                 // 0, 1, 2, ...

#define OPERAND_A coopmat<float16_t, gl_ScopeSubgroup, COOP_M, COOP_K, gl_MatrixUseA>
#define OPERAND_B coopmat<float16_t, gl_ScopeSubgroup, COOP_K, COOP_N, gl_MatrixUseB>
#define SUM coopmat<float, gl_ScopeSubgroup, COOP_M, COOP_N, gl_MatrixUseAccumulator>
#define HALF_SUM coopmat<float16_t, gl_ScopeSubgroup, COOP_M, COOP_N, gl_MatrixUseAccumulator>
#define BY_ROW gl_CooperativeMatrixLayoutRowMajor
#define BY_COLUMN gl_CooperativeMatrixLayoutColumnMajor

void subgroup_barrier() { controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease); }

HALF_SUM to_half(SUM x) {
  [[unroll]] for (uint e = 0; e < x.length(); ++e) x[e] = nearest(x[e], DTYPE);
  return HALF_SUM(x);
}

// The first row of a part of this subgroup, counted from the block's first.
uint row_of(uint part) { return gl_SubgroupID * ROWS + part * COOP_M; }

// Where vectors of one kind lie: vector i of a head starts at element first + i * stride; there are `count`.
struct Vectors {
  Words at;
  uint first, stride, count;
};
Vectors vectors(Words at, uint batch, uint count, uint heads, uint head) {
  return Vectors(at, (batch * count * heads + head) * HEAD_DIM, heads * HEAD_DIM, count);
}

// Vectors first .. first + amount - 1 to shared memory, zeros past the last.
#define STAGE(MEMORY, to, v, first, amount)                                                                                           \
  for (uint item = lane(); item < amount * GROUPS; item += LANES) {                                                                   \
    const uint i = item / GROUPS, group = item % GROUPS;                                                                              \
    MEMORY[(to + i) * STRIDE + group] = first + i < v.count ? WordsU32x4(v.at).at[(v.first + (first + i) * v.stride) / 8 + group] : uvec4(0); \
  }
void stage(uint to, Vectors v, uint first, uint amount) { STAGE(tile, to, v, first, amount) }
void stage_rows(uint to, Vectors v, uint first) { STAGE(row_tile, to, v, first, BLOCK_ROWS) }

// The rows of this subgroup as operands: the block's `which`-th kind of them.
#define LOAD_ROWS(operand, which, v, first)                                                                                           \
  barrier();                                                                                                                          \
  if (ROWS_IN_SHARED) stage_rows(which * BLOCK_ROWS, v, first);                                                                       \
  else stage(0, v, first, BLOCK_ROWS);                                                                                                \
  barrier();                                                                                                                          \
  if (!ROWS_IN_SHARED) {                                                                                                              \
    [[unroll]] for (uint part = 0; part < PARTS; ++part)                                                                              \
      [[unroll]] for (uint l = 0; l < DEEP; ++l) coopMatLoad(operand[part][l], tile, row_of(part) * STRIDE + l * (COOP_K / 8), STRIDE, BY_ROW); \
  }

// result[part][j] = rows times columns, whose vectors were staged from `from` on.
#define MULTIPLY(result, operand, which, from)                                                                                        \
  [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {                                                                                     \
    [[unroll]] for (uint part = 0; part < PARTS; ++part) result[part][j] = SUM(0.0);                                                  \
    [[unroll]] for (uint l = 0; l < DEEP; ++l) {                                                                                      \
      OPERAND_B b;                                                                                                                    \
      coopMatLoad(b, tile, (from + j * COOP_N) * STRIDE + l * (COOP_K / 8), STRIDE, BY_COLUMN);                                       \
      [[unroll]] for (uint part = 0; part < PARTS; ++part) {                                                                          \
        OPERAND_A a;                                                                                                                  \
        if (ROWS_IN_SHARED) coopMatLoad(a, row_tile, (which * BLOCK_ROWS + row_of(part)) * STRIDE + l * (COOP_K / 8), STRIDE, BY_ROW); \
        else a = operand[part][l];                                                                                                    \
        result[part][j] = coopMatMulAdd(a, b, result[part][j]);                                                                       \
      }                                                                                                                               \
    }                                                                                                                                 \
  }

// result[part][n] += weight[part][.] rounded to 16 bits, times the columns' vectors staged from `from` on.
#define ACCUMULATE(result, weight, from)                                                                                              \
  subgroup_barrier();                                                                                                                 \
  [[unroll]] for (uint part = 0; part < PARTS; ++part)                                                                                \
    [[unroll]] for (uint j = 0; j < COLUMNS; ++j)                                                                                     \
      coopMatStore(to_half(weight[part][j]), weights, row_of(part) * WEIGHT_STRIDE + j * (COOP_N / 8), WEIGHT_STRIDE, BY_ROW);        \
  subgroup_barrier();                                                                                                                 \
  [[unroll]] for (uint l = 0; l < BLOCK_COLUMNS / COOP_K; ++l) {                                                                      \
    OPERAND_A a[PARTS];                                                                                                               \
    [[unroll]] for (uint part = 0; part < PARTS; ++part)                                                                              \
      coopMatLoad(a[part], weights, row_of(part) * WEIGHT_STRIDE + l * (COOP_K / 8), WEIGHT_STRIDE, BY_ROW);                          \
    [[unroll]] for (uint n = 0; n < WIDE; ++n) {                                                                                      \
      OPERAND_B b;                                                                                                                    \
      coopMatLoad(b, tile, (from + l * COOP_K) * STRIDE + n * (COOP_N / 8), STRIDE, BY_ROW);                                          \
      [[unroll]] for (uint part = 0; part < PARTS; ++part) result[part][n] = coopMatMulAdd(a[part], b, result[part][n]);              \
    }                                                                                                                                 \
  }

// The subgroups' results to memory, as rows first .. of v.
#define STORE_ROWS(result, v, row0)                                                                                                   \
  barrier();                                                                                                                          \
  [[unroll]] for (uint part = 0; part < PARTS; ++part)                                                                                \
    [[unroll]] for (uint n = 0; n < WIDE; ++n)                                                                                        \
      coopMatStore(to_half(result[part][n]), tile, row_of(part) * STRIDE + n * (COOP_N / 8), STRIDE, BY_ROW);                         \
  barrier();                                                                                                                          \
  for (uint item = lane(); item < BLOCK_ROWS * GROUPS; item += LANES) {                                                               \
    const uint i = item / GROUPS, group = item % GROUPS;                                                                              \
    if ((row0) + i < v.count) WordsU32x4(v.at).at[(v.first + ((row0) + i) * v.stride) / 8 + group] = tile[i * STRIDE + group];        \
  }

void count() {
  for (uint i = lane(); i < COOP_M + COOP_N; i += LANES) counting[i] = float(i);
  barrier();
}
#endif
