// Attention on workgroup-wide cooperative matrices (VK_NV_cooperative_matrix2), 16-bit operands, f32 sums. A workgroup takes BLOCK_ROWS rows (queries, or keys
// in the backward pass for keys) against BLOCK_COLUMNS columns at a time. The driver chooses where matrices live and how tiles travel.
// No matrix here is const: NVIDIA 580.159 crashes while it compiles an element of one.
#ifndef ABLATE_ATTENTION_COOPMAT2_GLSL
#define ABLATE_ATTENTION_COOPMAT2_GLSL
#extension GL_NV_cooperative_matrix2 : require
#include "attention/coop_weight.glsl"

layout(constant_id = 4) const uint BLOCK_ROWS = 64;
layout(constant_id = 5) const uint BLOCK_COLUMNS = 64;
layout(constant_id = 6) const uint CLAMP = gl_CooperativeMatrixClampModeConstantNV;  // undefined (0) where blocks never cross the last token

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Halves { float16_t at[]; };

#define ROW_OPERAND coopmat<float16_t, gl_ScopeWorkgroup, BLOCK_ROWS, HEAD_DIM, gl_MatrixUseA>
#define COLUMN_OPERAND coopmat<float16_t, gl_ScopeWorkgroup, HEAD_DIM, BLOCK_COLUMNS, gl_MatrixUseB>    // vectors side by side, for scores
#define VALUE_OPERAND coopmat<float16_t, gl_ScopeWorkgroup, BLOCK_COLUMNS, HEAD_DIM, gl_MatrixUseB>     // vectors below each other, for sums of them
#define WEIGHT_OPERAND coopmat<float16_t, gl_ScopeWorkgroup, BLOCK_ROWS, BLOCK_COLUMNS, gl_MatrixUseA>
#define SCORES coopmat<float, gl_ScopeWorkgroup, BLOCK_ROWS, BLOCK_COLUMNS, gl_MatrixUseAccumulator>
#define SUMS coopmat<float, gl_ScopeWorkgroup, BLOCK_ROWS, HEAD_DIM, gl_MatrixUseAccumulator>
#define HALF_SUMS coopmat<float16_t, gl_ScopeWorkgroup, BLOCK_ROWS, HEAD_DIM, gl_MatrixUseAccumulator>
#define BY_ROW gl_CooperativeMatrixReduceRowNV

// Vectors of one kind: vector i of a head starts at element first + i * stride. The masks tell the compiler what is aligned.
struct Vectors {
  Words at;
  uint first, stride;
};
Vectors vectors(Words at, uint batch, uint count, uint heads, uint head) {
  return Vectors(at, ((batch * count * heads + head) * HEAD_DIM) & ~7u, (heads * HEAD_DIM) & ~7u);
}

#define LAYOUT(v) setTensorLayoutStrideNV(setTensorLayoutDimensionNV(createTensorLayoutNV(2, CLAMP), p.tokens, HEAD_DIM), (v).stride, 1)
#define LOAD(matrix, v, row, rows) coopMatLoadTensorNV(matrix, Halves((v).at).at, (v).first, sliceTensorLayoutNV(LAYOUT(v), row, rows, 0, HEAD_DIM))
#define LOAD_TRANSPOSED(matrix, v, row, rows) \
  coopMatLoadTensorNV(matrix, Halves((v).at).at, (v).first, sliceTensorLayoutNV(LAYOUT(v), row, rows, 0, HEAD_DIM), transposed)
#define STORE(matrix, v, row) coopMatStoreTensorNV(matrix, Halves((v).at).at, (v).first, sliceTensorLayoutNV(LAYOUT(v), row, BLOCK_ROWS, 0, HEAD_DIM))

#define ROUND(matrix) \
  [[unroll]] for (uint e = 0; e < matrix.length(); ++e) matrix[e] = nearest(matrix[e], DTYPE);

float larger(const in float a, const in float b) { return max(a, b); }
float plus(const in float a, const in float b) { return a + b; }
float same(const in float a, const in float b) { return a; }

// A score of what is not seen becomes LOWEST. Rows are queries and columns keys, or the other way round.
float hide(const in uint row, const in uint column, const in float score, const in uint first_row, const in uint first_column, const in bool rows_are_keys,
           const in uint tokens, const in uint window, const in int masked_key) {
  const uint query = rows_are_keys ? first_column + column : first_row + row, key = rows_are_keys ? first_row + row : first_column + column;
  return query < tokens && is_visible(query, key, window, masked_key) ? score : LOWEST;
}
// Scores to weights, and to the weights' slopes, where these depend on the query's place: that of the row, or of the column.
float weigh_by_place(const in uint row, const in uint column, const in float score, const in uint first, const in bool by_column) {
  return weight_of(score, 0.0, float(first + (by_column ? column : row)));
}
float slope_by_place(const in uint row, const in uint column, const in float score, const in uint first, const in bool by_column) {
  return score > 0.0 ? 1.0 / float(first + (by_column ? column : row) + 1) : 0.0;
}
#endif
