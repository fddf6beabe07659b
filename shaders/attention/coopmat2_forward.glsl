// Attention with an online softmax, one workgroup per (batch, head, block of queries).
// q, y: (batch, tokens, heads * HEAD_DIM)   k, v: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   sinks: (heads), or null
#include "attention/coopmat2.glsl"

layout(push_constant) uniform Push {
  In q; In k; In v; Out y; OutF32 lse; InF32 sinks;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

float store_lse(const in uint row, const in uint column, const in float lse, const in uint first, const in uint statistic) {
  if (column == 0 && first + row < p.tokens) p.lse.at[statistic + first + row] = lse;
  return lse;
}

void main() {
  const tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV(2, false, 1, 0);
  const float to_exponent = p.scale * 1.4426950408889634;  // of 2 rather than e
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = gl_WorkGroupID.x; item < p.batch * p.heads * blocks; item += gl_NumWorkGroups.x) {
    const uint heads = p.batch * p.heads, first = (blocks - 1 - item / heads) * BLOCK_ROWS;  // longest first
    const uint head = item % heads % p.heads, batch = item % heads / p.heads;
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    const Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), y = vectors(Words(p.y), batch, p.tokens, p.heads, head);
    const Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);

    ROW_OPERAND queries;
    LOAD(queries, q, first, BLOCK_ROWS);
    SUMS sums = SUMS(0.0);
    SCORES total = SCORES(0.0), top = SCORES(LOWEST);  // the highest score so far, not scaled yet, and the sum of exp(scale * (score - top))
    [[dont_unroll]] for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) {
      COLUMN_OPERAND keys;
      LOAD_TRANSPOSED(keys, k, column, BLOCK_COLUMNS);
      SCORES weights = coopMatMulAdd(queries, keys, SCORES(0.0));
      if (!all_visible(first, first + BLOCK_ROWS - 1, column, column + BLOCK_COLUMNS - 1, p.window, p.masked_key))
        coopMatPerElementNV(weights, weights, hide, first, column, false, p.tokens, p.window, p.masked_key);
      if (NORMALISED) {
        SCORES highest, factor;
        coopMatReduceNV(highest, weights, BY_ROW, larger);
        [[unroll]] for (uint e = 0; e < top.length(); ++e) {
          highest[e] = max(highest[e], top[e]);
          factor[e] = exp2(to_exponent * (top[e] - highest[e]));
          weights[e] = exp2(to_exponent * weights[e] - to_exponent * highest[e]);
          total[e] = total[e] * factor[e] + weights[e];
        }
        top = highest;
        SUMS wide;
        coopMatReduceNV(wide, factor, BY_ROW, same);
        sums = sums * wide;
      } else {
        weights = weights * p.scale;
        coopMatPerElementNV(weights, weights, weigh_by_place, first, false);
        total = total + weights;
      }
      VALUE_OPERAND values;
      LOAD(values, v, column, BLOCK_COLUMNS);
      ROUND(weights)
      sums = coopMatMulAdd(WEIGHT_OPERAND(weights), values, sums);
    }

    SCORES sum, factor;
    coopMatReduceNV(sum, total, BY_ROW, plus);
    const bool extra = SCORE == SOFTMAX1 || !is_null(p.sinks);
    const float extra_score = SCORE == SOFTMAX1 || is_null(p.sinks) ? 0.0 : p.sinks.at[head];
    [[unroll]] for (uint e = 0; e < sum.length(); ++e) {
      factor[e] = 1.0;
      if (!NORMALISED) continue;
      const float top_score = p.scale * top[e], highest = extra ? max(top_score, extra_score) : top_score;
      factor[e] = exp(top_score - highest);
      sum[e] = sum[e] * factor[e] + (extra ? exp(extra_score - highest) : 0.0);
      factor[e] /= sum[e];
      sum[e] = highest + log(sum[e]);
    }
    coopMatPerElementNV(sum, sum, store_lse, first, (batch * p.heads + head) * p.tokens);
    SUMS wide;
    coopMatReduceNV(wide, factor, BY_ROW, same);
    sums = sums * wide;
    ROUND(sums)
    STORE(HALF_SUMS(sums), y, first);
  }
}
