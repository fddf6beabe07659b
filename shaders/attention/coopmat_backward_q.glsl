// Gradient of the queries, one workgroup per (batch, head, block of queries), and delta, the inner product of each query's output with its gradient,
// which the other pass needs.   Shapes as in coopmat_forward; dy, dq like y; delta like lse.
#include "attention/coopmat.glsl"

layout(push_constant) uniform Push {
  In q; In k; In v; In y; In dy; InF32 lse; OutF32 delta; Out dq;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

vec2 decode(uint word) {
  return DTYPE == DTYPE_F16 ? unpackHalf2x16(word) : vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u));
}
float dot_groups(uvec4 a, uvec4 b) {
  float sum = 0.0;
  [[unroll]] for (uint i = 0; i < 4; ++i) sum += dot(decode(a[i]), decode(b[i]));
  return sum;
}

// Log-sum-exps of the block's rows, then their deltas, to row_value. Four lanes share a row.
void row_statistics(Vectors y, Vectors dy, uint first, uint statistic) {
  const uint shared_by = 4;
  for (uint item = lane(); item < BLOCK_ROWS * shared_by; item += LANES) {
    const uint row = item / shared_by;
    float sum = 0.0;
    if (first + row < y.count) {
      const uint at = (y.first + (first + row) * y.stride) / 8;
      for (uint group = item % shared_by; group < GROUPS; group += shared_by)
        sum += dot_groups(WordsU32x4(y.at).at[at + group], WordsU32x4(dy.at).at[at + group]);
    }
    scratch[item] = sum;
  }
  barrier();
  for (uint row = lane(); row < BLOCK_ROWS; row += LANES) {
    const bool there = first + row < p.tokens;
    const float delta = (scratch[row * shared_by] + scratch[row * shared_by + 1]) + (scratch[row * shared_by + 2] + scratch[row * shared_by + 3]);
    row_value[row] = there ? p.lse.at[statistic + first + row] : 0.0;
    row_value[BLOCK_ROWS + row] = delta;
    if (there) p.delta.at[statistic + first + row] = delta;
  }
  barrier();
}

void main() {
  count();
  SUM row_index, column_index;
  coopMatLoad(row_index, counting, 0, 0, BY_COLUMN);
  coopMatLoad(column_index, counting, 0, 0, BY_ROW);
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = gl_WorkGroupID.x; item < p.batch * p.heads * blocks; item += gl_NumWorkGroups.x) {
    const uint first = (blocks - 1 - item % blocks) * BLOCK_ROWS, head = item / blocks % p.heads, batch = item / blocks / p.heads;  // longest first
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    const Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), y = vectors(Words(p.y), batch, p.tokens, p.heads, head);
    const Vectors dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head), dq = vectors(Words(p.dq), batch, p.tokens, p.heads, head);
    const Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    const uint my_first = first + gl_SubgroupID * ROWS, my_last = my_first + ROWS - 1;

    OPERAND_A queries[PARTS][DEEP], gradients[PARTS][DEEP];
    LOAD_ROWS(queries, 0, q, first)
    LOAD_ROWS(gradients, 1, dy, first)
    row_statistics(y, dy, first, (batch * p.heads + head) * p.tokens);
    SUM sum[PARTS][WIDE];
    [[unroll]] for (uint part = 0; part < PARTS; ++part)
      [[unroll]] for (uint n = 0; n < WIDE; ++n) sum[part][n] = SUM(0.0);

    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) {
      barrier();
      stage(0, k, column, BLOCK_COLUMNS);
      stage(BLOCK_COLUMNS, v, column, BLOCK_COLUMNS);
      barrier();
      if (column > my_last) continue;
      SUM score[PARTS][COLUMNS], gradient[PARTS][COLUMNS];
      MULTIPLY(score, queries, 0, 0)
      MULTIPLY(gradient, gradients, 1, BLOCK_COLUMNS)
      const bool whole = all_visible(my_first, my_last, column, column + BLOCK_COLUMNS - 1, p.window, p.masked_key);
      [[unroll]] for (uint part = 0; part < PARTS; ++part) {
        SUM lse, delta;
        coopMatLoad(lse, row_value, row_of(part), 0, BY_COLUMN);
        coopMatLoad(delta, row_value, BLOCK_ROWS + row_of(part), 0, BY_COLUMN);
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
          [[unroll]] for (uint e = 0; e < lse.length(); ++e) {
            const uint row = first + row_of(part) + uint(row_index[e]), key = column + j * COOP_N + uint(column_index[e]);
            const bool seen = whole || is_visible(row, key, p.window, p.masked_key);
            const float weight = weight_of(p.scale * score[part][j][e], lse[e], float(row));
            score[part][j][e] = seen ? score_gradient(weight, gradient[part][j][e], delta[e], float(row)) : 0.0;
          }
        }
      }
      ACCUMULATE(sum, score, 0)
    }
    [[unroll]] for (uint part = 0; part < PARTS; ++part)
      [[unroll]] for (uint n = 0; n < WIDE; ++n) sum[part][n] *= p.scale;
    STORE_ROWS(sum, dq, first)
  }
}
