// Attention as products of small tiles: a workgroup takes BLOCK_ROWS rows (queries, or keys in the backward pass for keys) against BLOCK_COLUMNS
// columns at a time. LY x LX lanes; a lane owns 4 rows and, of the scores, the columns lx, lx + LX, ..., of the results the groups of four
// channels lx, lx + LX, .... Columns come in chunks of 4 LX channels, through shared memory.
#ifndef ABLATE_ATTENTION_TILES_GLSL
#define ABLATE_ATTENTION_TILES_GLSL
#include "attention/common.glsl"

#ifndef SUMS
#define SUMS 1  // how many results a kernel accumulates
#endif

layout(constant_id = 5) const uint LX = 16;
layout(constant_id = 6) const uint LY = 16;

const uint BLOCK_ROWS = 4 * LY, BLOCK_COLUMNS = 4 * LX;
const uint GROUPS = (HEAD_DIM + 3) / 4;        // of four channels
const uint CHUNKS = (GROUPS + LX - 1) / LX;    // of LX groups
const uint STRIDE = LX + 1;                    // of a row in shared memory, in groups of four; one more than needed, against bank conflicts

// Result n's part of this lane: rows times chunks. An array of its own per kernel, because functions cannot take arrays of such sizes.
vec4 sum[SUMS * 4 * CHUNKS];

shared vec4 staged[BLOCK_COLUMNS * STRIDE];
shared vec4 weights[BLOCK_ROWS * STRIDE];
shared float partial[BLOCK_ROWS * LX];

uint lx() { return lane() % LX; }
uint ly() { return lane() / LX; }

// Where vectors of one kind lie: vector i of a head starts at element first + i * stride; there are `count`.
struct Vectors {
  Words at;
  uint first, stride, count;
};
Vectors vectors(Words at, uint batch, uint count, uint heads, uint head) {
  return Vectors(at, (batch * count * heads + head) * HEAD_DIM, heads * HEAD_DIM, count);
}

vec4 load_group(Words at, uint start, uint group, uint dtype) {
  if (HEAD_DIM % 4 == 0) return load4_as(at, start / 4 + group, dtype);
  vec4 x = vec4(0);
  for (uint i = 0; i < min(4, HEAD_DIM - 4 * group); ++i) x[i] = load_as(at, start + 4 * group + i, dtype);
  return x;
}
void store_group(Words at, uint start, uint group, vec4 x, uint dtype) {
  if (HEAD_DIM % 4 == 0) store4_as(at, start / 4 + group, x, dtype);
  else for (uint i = 0; i < min(4, HEAD_DIM - 4 * group); ++i) store_as(at, start + 4 * group + i, x[i], dtype);
}
// Group `group` of vector i; past the end that of the last vector (its weight will be zero).
vec4 group_of(Vectors v, uint i, uint group) { return load_group(v.at, v.first + min(i, v.count - 1) * v.stride, group, DTYPE); }

void stage(Vectors columns, uint first, uint chunk) {
  for (uint item = lane(); item < BLOCK_COLUMNS * LX; item += lanes()) {
    const uint group = chunk * LX + item % LX;
    staged[item / LX * STRIDE + item % LX] = group < GROUPS ? group_of(columns, first + item / LX, group) : vec4(0);
  }
  barrier();
}
// score[r * 4 + c] = row r . column c, for this lane's rows and columns.
void multiply(Vectors rows, uint first_row, Vectors columns, uint first, out float score[16]) {
  [[unroll]] for (uint n = 0; n < 16; ++n) score[n] = 0.0;
  [[dont_unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) {  // unrolled, AMD's compiler runs out of registers at 128 channels
    stage(columns, first, chunk);
    for (uint group = 0; group < min(LX, GROUPS - chunk * LX); ++group) {
      vec4 a[4];
      [[unroll]] for (uint r = 0; r < 4; ++r) a[r] = group_of(rows, first_row + ly() * 4 + r, chunk * LX + group);
      [[unroll]] for (uint c = 0; c < 4; ++c) {
        const vec4 b = staged[(lx() + LX * c) * STRIDE + group];
        [[unroll]] for (uint r = 0; r < 4; ++r) score[r * 4 + c] += dot(a[r], b);
      }
    }
    barrier();
  }
}

// Shares this lane's weights (as multiply's scores) with the workgroup, for accumulate().
void share_weights(float weight[16]) {
  barrier();
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const uint column = lx() + LX * c;
      weights[(ly() * 4 + r) * STRIDE + column / 4][column % 4] = weight[r * 4 + c];
    }
  }
  barrier();
}

void clear_sums() {
  [[unroll]] for (uint n = 0; n < SUMS * 4 * CHUNKS; ++n) sum[n] = vec4(0);
}

// Adds to result n the shared weights times the columns' vectors.
void accumulate(uint n, Vectors columns, uint first) {
  const uint quads = (min(BLOCK_COLUMNS, columns.count - first) + 3) / 4;
  [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
    stage(columns, first, chunk);
    if (chunk * LX + lx() < GROUPS) {
      for (uint quad = 0; quad < quads; ++quad) {
        vec4 weight[4];
        [[unroll]] for (uint r = 0; r < 4; ++r) weight[r] = weights[(ly() * 4 + r) * STRIDE + quad];
        [[unroll]] for (uint c = 0; c < 4; ++c) {
          const vec4 b = staged[(4 * quad + c) * STRIDE + lx()];
          [[unroll]] for (uint r = 0; r < 4; ++r) sum[(4 * n + r) * CHUNKS + chunk] += weight[r][c] * b;
        }
      }
    }
    barrier();
  }
}

// Reductions over the lanes that share a row.
void share_partials(vec4 x) {
  barrier();
  [[unroll]] for (uint r = 0; r < 4; ++r) partial[(ly() * 4 + r) * LX + lx()] = x[r];
  barrier();
}
vec4 row_max(vec4 x) {
  share_partials(x);
  for (uint i = 0; i < LX; ++i)
    [[unroll]] for (uint r = 0; r < 4; ++r) x[r] = max(x[r], partial[(ly() * 4 + r) * LX + i]);
  return x;
}
vec4 row_sum(vec4 x) {
  share_partials(x);
  x = vec4(0);
  for (uint i = 0; i < LX; ++i)
    [[unroll]] for (uint r = 0; r < 4; ++r) x[r] += partial[(ly() * 4 + r) * LX + i];
  return x;
}

// The inner product of a row of `a` with one stored vector, or with the same row of another; all lanes of the row get the same.
float dot_vector(Vectors a, uint row, Words b, uint b_start, uint b_type) {
  float sum = 0.0;
  [[dont_unroll]] for (uint group = 0; group < GROUPS; ++group) sum += dot(group_of(a, row, group), load_group(b, b_start, group, b_type));
  return sum;
}

// Writes result n, each row times its factor.
void store_rows(uint n, Vectors y, uint first_row, vec4 factor) {
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    const uint row = first_row + ly() * 4 + r;
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
      const uint group = chunk * LX + lx();
      if (row < y.count && group < GROUPS) store_group(y.at, y.first + row * y.stride, group, sum[(4 * n + r) * CHUNKS + chunk] * factor[r], DTYPE);
    }
  }
}
#endif
