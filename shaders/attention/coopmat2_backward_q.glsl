// Gradient of the queries, one workgroup per (batch, head, block of queries), and delta, the inner product of each query's output with its gradient,
// which the other pass needs.   Shapes as in coopmat2_forward; dy, dq like y; delta like lse.
#include "attention/coopmat2.glsl"

layout(push_constant) uniform Push {
  In q; In k; In v; In y; In dy; InF32 lse; OutF32 delta; Out dq;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

float store_delta(const in uint row, const in uint column, const in float delta, const in uint first, const in uint statistic) {
  if (column == 0 && first + row < p.tokens) p.delta.at[statistic + first + row] = delta;
  return delta;
}

void main() {
  const tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV(2, false, 1, 0);
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = gl_WorkGroupID.x; item < p.batch * p.heads * blocks; item += gl_NumWorkGroups.x) {
    const uint heads = p.batch * p.heads, first = (blocks - 1 - item / heads) * BLOCK_ROWS;  // longest first
    const uint head = item % heads % p.heads, batch = item % heads / p.heads;
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens), statistic = (batch * p.heads + head) * p.tokens;
    const Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), y = vectors(Words(p.y), batch, p.tokens, p.heads, head);
    const Vectors dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head), dq = vectors(Words(p.dq), batch, p.tokens, p.heads, head);
    const Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);

    SCORES lse, delta;
    {
      HALF_SUMS outputs, gradients;
      LOAD(outputs, y, first, BLOCK_ROWS);
      LOAD(gradients, dy, first, BLOCK_ROWS);
      SUMS products = SUMS(outputs) * SUMS(gradients);
      coopMatReduceNV(delta, products, BY_ROW, plus);
      coopMatPerElementNV(delta, delta, store_delta, first, statistic);
    }
    const tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> per_row = setTensorLayoutStrideNV(
        setTensorLayoutDimensionNV(createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV), p.tokens, BLOCK_COLUMNS), 1, 0);
    coopMatLoadTensorNV(lse, WordsF32(Words(p.lse)).at, statistic, sliceTensorLayoutNV(per_row, first, BLOCK_ROWS, 0, BLOCK_COLUMNS));

    ROW_OPERAND queries, gradients;
    LOAD(queries, q, first, BLOCK_ROWS);
    LOAD(gradients, dy, first, BLOCK_ROWS);
    SUMS sums = SUMS(0.0);
    [[dont_unroll]] for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) {
      COLUMN_OPERAND keys, values;
      LOAD_TRANSPOSED(keys, k, column, BLOCK_COLUMNS);
      LOAD_TRANSPOSED(values, v, column, BLOCK_COLUMNS);
      SCORES weights = coopMatMulAdd(queries, keys, SCORES(0.0)) * p.scale;
      SCORES gradient = coopMatMulAdd(gradients, values, SCORES(0.0));
      if (!all_visible(first, first + BLOCK_ROWS - 1, column, column + BLOCK_COLUMNS - 1, p.window, p.masked_key))
        coopMatPerElementNV(weights, weights, hide, first, column, false, p.tokens, p.window, p.masked_key);
      if (SCORE == RELU) {
        coopMatPerElementNV(weights, weights, slope_by_place, first, false);
        weights = weights * gradient;
      } else {
        [[unroll]] for (uint e = 0; e < lse.length(); ++e) weights[e] = score_gradient(weight_of(weights[e], lse[e], 0.0), gradient[e], delta[e], 0.0);
      }
      ROUND(weights)
      VALUE_OPERAND vectors_of_keys;
      LOAD(vectors_of_keys, k, column, BLOCK_COLUMNS);
      sums = coopMatMulAdd(WEIGHT_OPERAND(weights), vectors_of_keys, sums);
    }
    sums = sums * p.scale;
    ROUND(sums)
    STORE(HALF_SUMS(sums), dq, first);
  }
}
