// Gradients of the keys and values, one workgroup per (batch, key head, block of keys), over the queries of all heads that share them: rows are keys,
// columns queries.   Shapes as in coopmat2_backward_q; dk, dv like k, v.
#include "attention/coopmat2.glsl"

layout(push_constant) uniform Push {
  In q; In k; In v; In dy; InF32 lse; InF32 delta; Out dk; Out dv;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

void main() {
  const tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV(2, false, 1, 0);
  const tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> per_column = setTensorLayoutStrideNV(
      setTensorLayoutDimensionNV(createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV), BLOCK_ROWS, p.tokens), 0, 1);
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS, shared_by = p.heads / p.kv_heads;
  for (uint item = gl_WorkGroupID.x; item < p.batch * p.kv_heads * blocks; item += gl_NumWorkGroups.x) {
    const uint heads = p.batch * p.kv_heads, first = item / heads * BLOCK_ROWS;  // longest first
    const uint kv_head = item % heads % p.kv_heads, batch = item % heads / p.kv_heads;
    const uint end = p.window == 0 ? p.tokens : min(p.tokens, first + BLOCK_ROWS + p.window - 1);
    const Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    const Vectors dk = vectors(Words(p.dk), batch, p.tokens, p.kv_heads, kv_head), dv = vectors(Words(p.dv), batch, p.tokens, p.kv_heads, kv_head);

    ROW_OPERAND keys, values;
    LOAD(keys, k, first, BLOCK_ROWS);
    LOAD(values, v, first, BLOCK_ROWS);
    SUMS dkeys = SUMS(0.0), dvalues = SUMS(0.0);
    for (uint head = kv_head * shared_by; head < (kv_head + 1) * shared_by; ++head) {
      const Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head);
      const uint statistic = (batch * p.heads + head) * p.tokens;
      [[dont_unroll]] for (uint column = first / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) {
        const bool whole = column + BLOCK_COLUMNS <= p.tokens &&
                           all_visible(column, column + BLOCK_COLUMNS - 1, first, first + BLOCK_ROWS - 1, p.window, p.masked_key);
        COLUMN_OPERAND queries, gradients;
        LOAD_TRANSPOSED(queries, q, column, BLOCK_COLUMNS);
        SCORES weights = coopMatMulAdd(keys, queries, SCORES(0.0)) * p.scale, lse, delta, slopes;
        if (!whole) coopMatPerElementNV(weights, weights, hide, first, column, true, p.tokens, p.window, p.masked_key);
        if (SCORE == RELU) {
          coopMatPerElementNV(slopes, weights, slope_by_place, column, true);
          coopMatPerElementNV(weights, weights, weigh_by_place, column, true);
        } else {
          coopMatLoadTensorNV(lse, WordsF32(Words(p.lse)).at, statistic, sliceTensorLayoutNV(per_column, 0, BLOCK_ROWS, column, BLOCK_COLUMNS));
          [[unroll]] for (uint e = 0; e < weights.length(); ++e) weights[e] = weight_of(weights[e], lse[e], 0.0);
        }
        SCORES rounded = weights;
        ROUND(rounded)
        VALUE_OPERAND rows;
        LOAD(rows, dy, column, BLOCK_COLUMNS);
        dvalues = coopMatMulAdd(WEIGHT_OPERAND(rounded), rows, dvalues);

        LOAD_TRANSPOSED(gradients, dy, column, BLOCK_COLUMNS);
        SCORES gradient = coopMatMulAdd(values, gradients, SCORES(0.0));
        if (SCORE == RELU) {
          weights = slopes * gradient;
        } else {
          coopMatLoadTensorNV(delta, WordsF32(Words(p.delta)).at, statistic, sliceTensorLayoutNV(per_column, 0, BLOCK_ROWS, column, BLOCK_COLUMNS));
          [[unroll]] for (uint e = 0; e < weights.length(); ++e) weights[e] = score_gradient(weights[e], gradient[e], delta[e], 0.0);
        }
        ROUND(weights)
        LOAD(rows, q, column, BLOCK_COLUMNS);
        dkeys = coopMatMulAdd(WEIGHT_OPERAND(weights), rows, dkeys);
      }
    }
    dkeys = dkeys * p.scale;
    ROUND(dkeys)
    ROUND(dvalues)
    STORE(HALF_SUMS(dkeys), dk, first);
    STORE(HALF_SUMS(dvalues), dv, first);
  }
}
