// Gradients of the keys and values, one workgroup per (batch, key head, block of keys), over the queries of all heads that share them: rows are keys,
// columns queries.   Shapes as in coopmat_backward_q; dk, dv like k, v.
#include "attention/coopmat.glsl"

layout(push_constant) uniform Push {
  In q; In k; In v; In dy; InF32 lse; InF32 delta; Out dk; Out dv;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

void main() {
  count();
  SUM row_index, column_index;
  coopMatLoad(row_index, counting, 0, 0, BY_COLUMN);
  coopMatLoad(column_index, counting, 0, 0, BY_ROW);
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS, shared_by = p.heads / p.kv_heads;
  for (uint item = gl_WorkGroupID.x; item < p.batch * p.kv_heads * blocks; item += gl_NumWorkGroups.x) {
    const uint first = item % blocks * BLOCK_ROWS, kv_head = item / blocks % p.kv_heads, batch = item / blocks / p.kv_heads;  // longest first
    const uint end = p.window == 0 ? p.tokens : min(p.tokens, first + BLOCK_ROWS + p.window - 1);
    const Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    const Vectors dk = vectors(Words(p.dk), batch, p.tokens, p.kv_heads, kv_head), dv = vectors(Words(p.dv), batch, p.tokens, p.kv_heads, kv_head);
    const uint my_first = first + gl_SubgroupID * ROWS, my_last = my_first + ROWS - 1;

    OPERAND_A keys[PARTS][DEEP], values[PARTS][DEEP];
    LOAD_ROWS(keys, 0, k, first)
    LOAD_ROWS(values, 1, v, first)
    SUM dkeys[PARTS][WIDE], dvalues[PARTS][WIDE];
    [[unroll]] for (uint part = 0; part < PARTS; ++part)
      [[unroll]] for (uint n = 0; n < WIDE; ++n) dkeys[part][n] = SUM(0.0), dvalues[part][n] = SUM(0.0);

    for (uint head = kv_head * shared_by; head < (kv_head + 1) * shared_by; ++head) {
      const Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head);
      const uint statistic = (batch * p.heads + head) * p.tokens;
      for (uint column = first / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) {
        barrier();
        stage(0, q, column, BLOCK_COLUMNS);
        stage(BLOCK_COLUMNS, dy, column, BLOCK_COLUMNS);
        for (uint i = lane(); i < BLOCK_COLUMNS; i += LANES) {
          const bool there = column + i < p.tokens;
          column_value[i] = there ? p.lse.at[statistic + column + i] : 0.0;
          column_value[BLOCK_COLUMNS + i] = there ? p.delta.at[statistic + column + i] : 0.0;
        }
        barrier();
        const uint last_column = column + BLOCK_COLUMNS - 1;
        if (last_column < my_first) continue;
        const bool whole = last_column < p.tokens && all_visible(column, last_column, my_first, my_last, p.window, p.masked_key);
        SUM weight[PARTS][COLUMNS], gradient[PARTS][COLUMNS];
        MULTIPLY(weight, keys, 0, 0)
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
          SUM lse;
          coopMatLoad(lse, column_value, j * COOP_N, 0, BY_ROW);
          [[unroll]] for (uint part = 0; part < PARTS; ++part) {
            [[unroll]] for (uint e = 0; e < lse.length(); ++e) {
              const uint key = first + row_of(part) + uint(row_index[e]), query = column + j * COOP_N + uint(column_index[e]);
              const bool seen = whole || (query < p.tokens && is_visible(query, key, p.window, p.masked_key));
              weight[part][j][e] = seen ? weight_of(p.scale * weight[part][j][e], lse[e], float(query)) : 0.0;
            }
          }
        }
        ACCUMULATE(dvalues, weight, BLOCK_COLUMNS)
        MULTIPLY(gradient, values, 1, BLOCK_COLUMNS)
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
          SUM delta;
          coopMatLoad(delta, column_value, BLOCK_COLUMNS + j * COOP_N, 0, BY_ROW);
          [[unroll]] for (uint part = 0; part < PARTS; ++part) {
            [[unroll]] for (uint e = 0; e < delta.length(); ++e) {
              const float query = float(column + j * COOP_N) + column_index[e];  // a weight of 0 was not seen, or is as flat as that
              weight[part][j][e] = score_gradient(weight[part][j][e], gradient[part][j][e], delta[e], query);
            }
          }
        }
        ACCUMULATE(dkeys, weight, 0)
      }
    }
    [[unroll]] for (uint part = 0; part < PARTS; ++part)
      [[unroll]] for (uint n = 0; n < WIDE; ++n) dkeys[part][n] *= p.scale;
    STORE_ROWS(dkeys, dk, first)
    STORE_ROWS(dvalues, dv, first)
  }
}
