// Attention with an online softmax, one workgroup per (batch, head, block of queries).
// q, y: (batch, tokens, heads * HEAD_DIM)   k, v: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   sinks: (heads), or null
#include "attention/coopmat.glsl"

layout(push_constant) uniform Push {
  In q; In k; In v; Out y; OutF32 lse; InF32 sinks;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

// A row's maximum, and what its former sums shrink by when it rises: in shared memory, by the lane that reduces the row.
uint top_at(uint row) { return row; }
uint factor_at(uint row) { return BLOCK_ROWS + row; }

// The reduction of one row of a matrix in scratch; neighbouring rows begin at different columns, against bank conflicts.
float reduce_row(uint row, bool maximum) {
  const uint at = (gl_SubgroupID * COOP_M + row) * COOP_N;
  float x = scratch[at + row % COOP_N];
  for (uint c = 1; c < COOP_N; ++c) {
    const float other = scratch[at + (row + c) % COOP_N];
    x = maximum ? max(x, other) : x + other;
  }
  return x;
}

void raise_top(uint part, SUM highest) {
  coopMatStore(highest, scratch, gl_SubgroupID * COOP_M * COOP_N, COOP_N, BY_ROW);
  subgroup_barrier();
  for (uint r = gl_SubgroupInvocationID; r < COOP_M; r += gl_SubgroupSize) {
    const uint row = row_of(part) + r;
    const float before = row_value[top_at(row)], top = max(before, reduce_row(r, true));
    row_value[top_at(row)] = top;
    row_value[factor_at(row)] = exp(before - top);
  }
  subgroup_barrier();
}

// The sum of a row's weights becomes its log-sum-exp, and the factor of its result.
void finish_rows(uint part, SUM total, uint first, uint batch, uint head) {
  coopMatStore(total, scratch, gl_SubgroupID * COOP_M * COOP_N, COOP_N, BY_ROW);
  subgroup_barrier();
  for (uint r = gl_SubgroupInvocationID; r < COOP_M; r += gl_SubgroupSize) {
    const uint row = row_of(part) + r;
    float sum = reduce_row(r, false), top = row_value[top_at(row)], factor = 1.0;
    if (SCORE == SOFTMAX1 || !is_null(p.sinks)) {
      const float extra = SCORE == SOFTMAX1 ? 0.0 : p.sinks.at[head], highest = max(top, extra);
      factor = exp(top - highest);
      sum = sum * factor + exp(extra - highest);
      top = highest;
    }
    row_value[factor_at(row)] = NORMALISED ? factor / sum : 1.0;
    if (first + row < p.tokens) p.lse.at[(batch * p.heads + head) * p.tokens + first + row] = NORMALISED ? top + log(sum) : sum;
  }
  subgroup_barrier();
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
    const Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    const uint my_first = first + gl_SubgroupID * ROWS, my_last = my_first + ROWS - 1;

    OPERAND_A queries[PARTS][DEEP];
    LOAD_ROWS(queries, 0, q, first)
    SUM sum[PARTS][WIDE], total[PARTS];
    [[unroll]] for (uint part = 0; part < PARTS; ++part) {
      total[part] = SUM(0.0);
      [[unroll]] for (uint n = 0; n < WIDE; ++n) sum[part][n] = SUM(0.0);
    }
    for (uint r = gl_SubgroupInvocationID; r < ROWS; r += gl_SubgroupSize) row_value[top_at(gl_SubgroupID * ROWS + r)] = LOWEST;

    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) {
      barrier();
      stage(0, k, column, BLOCK_COLUMNS);
      stage(BLOCK_COLUMNS, v, column, BLOCK_COLUMNS);
      barrier();
      if (column > my_last) continue;
      SUM score[PARTS][COLUMNS];
      MULTIPLY(score, queries, 0, 0)
      const bool whole = all_visible(my_first, my_last, column, column + BLOCK_COLUMNS - 1, p.window, p.masked_key);
      [[unroll]] for (uint part = 0; part < PARTS; ++part) {
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
          score[part][j] *= p.scale;
          if (whole) continue;
          [[unroll]] for (uint e = 0; e < score[part][j].length(); ++e) {
            const uint row = first + row_of(part) + uint(row_index[e]), key = column + j * COOP_N + uint(column_index[e]);
            if (!is_visible(row, key, p.window, p.masked_key)) score[part][j][e] = LOWEST;
          }
        }
        SUM top = SUM(0.0);
        if (NORMALISED) {
          SUM highest = score[part][0];
          [[unroll]] for (uint j = 1; j < COLUMNS; ++j)
            [[unroll]] for (uint e = 0; e < highest.length(); ++e) highest[e] = max(highest[e], score[part][j][e]);
          raise_top(part, highest);
          SUM factor;
          coopMatLoad(top, row_value, top_at(row_of(part)), 0, BY_COLUMN);
          coopMatLoad(factor, row_value, factor_at(row_of(part)), 0, BY_COLUMN);
          [[unroll]] for (uint n = 0; n < WIDE; ++n)
            [[unroll]] for (uint e = 0; e < factor.length(); ++e) sum[part][n][e] *= factor[e];
          [[unroll]] for (uint e = 0; e < factor.length(); ++e) total[part][e] *= factor[e];
        }
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
          [[unroll]] for (uint e = 0; e < top.length(); ++e) {
            score[part][j][e] = weight_of(score[part][j][e], top[e], float(first + row_of(part)) + row_index[e]);
            total[part][e] += score[part][j][e];
          }
        }
      }
      ACCUMULATE(sum, score, BLOCK_COLUMNS)
    }

    [[unroll]] for (uint part = 0; part < PARTS; ++part) {
      finish_rows(part, total[part], first, batch, head);
      SUM factor;
      coopMatLoad(factor, row_value, factor_at(row_of(part)), 0, BY_COLUMN);
      [[unroll]] for (uint n = 0; n < WIDE; ++n)
        [[unroll]] for (uint e = 0; e < factor.length(); ++e) sum[part][n][e] *= factor[e];
    }
    STORE_ROWS(sum, y, first)
  }
}
