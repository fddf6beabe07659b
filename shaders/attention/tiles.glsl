// Attention as products of small tiles: a workgroup takes BLOCK_ROWS rows (queries, or keys in the backward pass for keys) against BLOCK_COLUMNS
// columns at a time. LY x LX lanes; a lane owns the rows ly, ly + LY, ... and, of the scores, the columns lx, lx + LX, ..., of the results the groups
// of four channels lx, lx + LX, .... Vectors come through shared memory: for scores PART groups of rows and of columns at a time, for results LX groups
// of columns, beside the scores in the rows' place.
#ifndef ABLATE_ATTENTION_TILES_GLSL
#define ABLATE_ATTENTION_TILES_GLSL
#include "attention/common.glsl"
#include "attention/softcap.glsl"

#ifndef SUMS
#define SUMS 1  // how many results a kernel accumulates
#endif

layout(constant_id = 5) const uint LX = 16;
layout(constant_id = 6) const uint LY = 16;
layout(constant_id = 7) const uint ROWS = 4;  // of a lane

const uint COLUMNS = 4;  // of a lane
const uint BLOCK_ROWS = ROWS * LY, BLOCK_COLUMNS = COLUMNS * LX;
const uint GROUPS = (HEAD_DIM + 3) / 4;      // of four channels
const uint CHUNKS = (GROUPS + LX - 1) / LX;  // of LX groups
const uint PART = GROUPS < LX ? (GROUPS + 1) / 2 * 2 : LX, PARTS = (GROUPS + PART - 1) / PART;
// From one row in shared memory to the next, in groups of four: one more than needed, against bank conflicts.
const uint PART_STRIDE = PART + 1, STRIDE = LX + 1;

// This lane's part of the block: arrays of the kernel, because functions cannot take arrays of such sizes.
float score[ROWS * COLUMNS];       // row by row
vec4 sum[SUMS * ROWS * CHUNKS];    // result n's: rows times chunks

shared vec4 rows_staged[BLOCK_ROWS * STRIDE];  // between products scores, and what lanes of a row tell each other
shared vec4 columns_staged[BLOCK_COLUMNS * STRIDE];

// 32 neighbours own 4 x 8 places of the block, in pairs one below the other: the eight that read shared memory at once then read few different words of it.
uint lx() { return lane() / 32 % (LX / 8) * 8 + lane() % 16 / 2; }
uint ly() { return lane() / 32 / (LX / 8) * 4 + lane() % 32 / 16 * 2 + lane() % 2; }
uint row_of(uint r) { return ly() + LY * r; }
uint column_of(uint c) { return lx() + LX * c; }
// Places in shared memory are written as the lane's part plus constants: compilers do not take products of sums apart.
uint scores_of(uint r) { return ly() * STRIDE + r * (LY * STRIDE); }

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

// Into TO: SIZE vectors from FIRST on, the WIDTH groups from GROUP on; zeros past the last group.
#define STAGE(TO, V, FIRST, SIZE, GROUP, WIDTH)                                                                                               \
  [[unroll]] for (uint item = 0; item < SIZE * WIDTH; item += LANES) {                                                                        \
    const uint i = (item + lane()) / WIDTH, g = (item + lane()) % WIDTH;                                                                      \
    if (SIZE * WIDTH % LANES == 0 || item + lane() < SIZE * WIDTH)                                                                            \
      TO[i * (WIDTH + 1) + g] = GROUPS % WIDTH == 0 || GROUP + g < GROUPS ? group_of(V, FIRST + i, GROUP + g) : vec4(0);                      \
  }

// score = row . column, for this lane's rows and columns.
void multiply(Vectors rows, uint first_row, Vectors columns, uint first) {
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) score[n] = 0.0;
  [[dont_unroll]] for (uint part = 0; part < PARTS; ++part) {  // unrolled, AMD's compiler runs out of registers at 128 channels
    STAGE(rows_staged, rows, first_row, BLOCK_ROWS, part * PART, PART)
    STAGE(columns_staged, columns, first, BLOCK_COLUMNS, part * PART, PART)
    barrier();
    const uint row = ly() * PART_STRIDE, column = lx() * PART_STRIDE;
    [[dont_unroll]] for (uint group = 0; group < min(PART, GROUPS - part * PART); group += 2) {  // two a turn, of which the second may be zeros
      [[unroll]] for (uint g = 0; g < 2; ++g) {
        vec4 a[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r) a[r] = rows_staged[row + group + r * (LY * PART_STRIDE) + g];
        [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
          const vec4 b = columns_staged[column + group + c * (LX * PART_STRIDE) + g];
          [[unroll]] for (uint e = 0; e < 4; ++e)
            [[unroll]] for (uint r = 0; r < ROWS; ++r) score[r * COLUMNS + c] = fma(a[r][e], b[e], score[r * COLUMNS + c]);
        }
      }
    }
    barrier();
  }
}

// Makes the score of what is not seen LOWEST. Rows are queries from `first_row` on and columns keys, or the other way round. Whether a place is seen
// follows from how far its column lies past its row: the lane's own distance plus a constant.
void hide(uint first_row, uint first_column, bool rows_are_keys, uint tokens, uint window, int masked_key) {
  const int past = int(first_column + lx()) - int(first_row + ly());
  const uint first_query = rows_are_keys ? first_column : first_row, first_key = rows_are_keys ? first_row : first_column;
  const uint queries = rows_are_keys ? BLOCK_COLUMNS : BLOCK_ROWS, keys = rows_are_keys ? BLOCK_ROWS : BLOCK_COLUMNS;
  if (!all_visible(first_query, first_query + queries - 1, first_key, first_key + keys - 1, window, masked_key)) {
    const int furthest = window == 0 ? int(tokens) : int(window);  // a query sees keys less than this far back
    [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) {
      const int here = past + int(n % COLUMNS * LX) - int(n / COLUMNS * LY), back = rows_are_keys ? here : -here;
      if (back < 0 || back >= furthest) score[n] = LOWEST;
    }
  }
  if (masked_key >= int(first_key) && masked_key < int(first_key + keys)) {  // for queries after it
    [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) {
      const uint row = first_row + row_of(n / COLUMNS), column = first_column + column_of(n % COLUMNS);
      if (int(rows_are_keys ? row : column) == masked_key && row != column) score[n] = LOWEST;
    }
  }
}

void clear_sums() {
  [[unroll]] for (uint n = 0; n < SUMS * ROWS * CHUNKS; ++n) sum[n] = vec4(0);
}

void accumulate_chunk(uint n, Vectors columns, uint first, uint chunk) {
  STAGE(columns_staged, columns, first, BLOCK_COLUMNS, chunk * LX, LX)
  barrier();
  const uint quads = (min(BLOCK_COLUMNS, columns.count - first) + 3) / 4;
  [[dont_unroll]] for (uint quad = 0; quad < quads; quad += 2) {
    [[unroll]] for (uint q = 0; q < 2; ++q) {
      vec4 weight[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; ++r) weight[r] = rows_staged[scores_of(r) + quad + q];
      [[unroll]] for (uint c = 0; c < 4; ++c) {
        const vec4 b = columns_staged[quad * (4 * STRIDE) + lx() + (4 * q + c) * STRIDE];
        [[unroll]] for (uint r = 0; r < ROWS; ++r) sum[(ROWS * n + r) * CHUNKS + chunk] = fma(vec4(weight[r][c]), b, sum[(ROWS * n + r) * CHUNKS + chunk]);
      }
    }
  }
  barrier();
}

// Adds to result n the scores, which are weights by now, times the columns' vectors.
void accumulate(uint n, Vectors columns, uint first) {
  const uint at = lx() % 4;
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c) rows_staged[scores_of(r) + lx() / 4 + c * (LX / 4)][at] = score[r * COLUMNS + c];
  // Not a loop: drivers do not unroll one this long, and sums at places they cannot resolve would leave the registers.
  accumulate_chunk(n, columns, first, 0);
  if (CHUNKS > 1) accumulate_chunk(n, columns, first, min(1, CHUNKS - 1));
  if (CHUNKS > 2) accumulate_chunk(n, columns, first, min(2, CHUNKS - 1));
  if (CHUNKS > 3) accumulate_chunk(n, columns, first, min(3, CHUNKS - 1));
  if (CHUNKS > 4) accumulate_chunk(n, columns, first, min(4, CHUNKS - 1));
  if (CHUNKS > 5) accumulate_chunk(n, columns, first, min(5, CHUNKS - 1));
  if (CHUNKS > 6) accumulate_chunk(n, columns, first, min(6, CHUNKS - 1));
  if (CHUNKS > 7) accumulate_chunk(n, columns, first, min(7, CHUNKS - 1));
}

// Reductions over the lanes that share a row, of a number for each of a lane's rows.
void share_partials(float x[ROWS]) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r) rows_staged[scores_of(r) + lx() / 4][lx() % 4] = x[r];
  barrier();
}
void row_max(inout float x[ROWS]) {
  share_partials(x);
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    vec4 highest = rows_staged[scores_of(r)];
    [[unroll]] for (uint i = 1; i < LX / 4; ++i) highest = max(highest, rows_staged[scores_of(r) + i]);
    x[r] = max(max(highest.x, highest.y), max(highest.z, highest.w));
  }
  barrier();
}
void row_sum(inout float x[ROWS]) {
  share_partials(x);
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    vec4 all = vec4(0);
    [[unroll]] for (uint i = 0; i < LX / 4; ++i) all += rows_staged[scores_of(r) + i];
    x[r] = (all.x + all.y) + (all.z + all.w);
  }
  barrier();
}

// The inner product of a row of `a` with one stored vector; all lanes of the row get the same.
float dot_vector(Vectors a, uint row, Words b, uint b_start, uint b_type) {
  float sum = 0.0;
  [[dont_unroll]] for (uint group = 0; group < GROUPS; ++group) sum += dot(group_of(a, row, group), load_group(b, b_start, group, b_type));
  return sum;
}

// Of every row of `a` with the same row of `b`: a lane adds up its groups of channels, and all lanes of a row what they have.
void dot_rows(Vectors a, Vectors b, uint first, out float x[ROWS]) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    x[r] = 0.0;
    for (uint group = lx(); group < GROUPS; group += LX) x[r] += dot(group_of(a, first + row_of(r), group), group_of(b, first + row_of(r), group));
  }
  row_sum(x);
}

float[ROWS] same(float x) {
  float all[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; ++r) all[r] = x;
  return all;
}

// Writes result n, each row times its factor.
void store_rows(uint n, Vectors y, uint first_row, float factor[ROWS]) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint row = first_row + row_of(r);
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
      const uint group = chunk * LX + lx();
      if (row < y.count && group < GROUPS) store_group(y.at, y.first + row * y.stride, group, sum[(ROWS * n + r) * CHUNKS + chunk] * factor[r], DTYPE);
    }
  }
}
#endif
