// Rows in groups of four elements. A row whose length is no multiple of four ends in a group that is partly outside: zero when fetched, not written.
#ifndef ABLATE_ROWS_GLSL
#define ABLATE_ROWS_GLSL
#include "common/kernel.glsl"

layout(constant_id = 2) const uint QUADS = 0;  // every row starts and ends with a whole group: one access a group

vec4 fetch_as(Words p, uint row, uint dim, uint group, uint dtype) {
  if (QUADS != 0) return group < dim / 4 ? load4_as(p, row * (dim / 4) + group, dtype) : vec4(0.0);
  vec4 x = vec4(0.0);
  [[unroll]] for (uint j = 0; j < 4; ++j)
    if (group * 4 + j < dim) x[j] = load_as(p, row * dim + group * 4 + j, dtype);
  return x;
}

void put_as(Words p, uint row, uint dim, uint group, vec4 x, uint dtype) {
  if (QUADS != 0) {
    if (group < dim / 4) store4_as(p, row * (dim / 4) + group, x, dtype);
    return;
  }
  [[unroll]] for (uint j = 0; j < 4; ++j)
    if (group * 4 + j < dim) store_as(p, row * dim + group * 4 + j, x[j], dtype);
}

// 1 where the group's elements are in the row, 0 elsewhere.
vec4 inside(uint dim, uint group) {
  if (QUADS != 0) return vec4(group < dim / 4 ? 1.0 : 0.0);
  return vec4(lessThan(group * 4 + uvec4(0, 1, 2, 3), uvec4(dim)));
}

#define fetch(p, row, dim, group) fetch_as(Words(p), row, dim, group, DTYPE)
#define fetch_f32(p, row, dim, group) fetch_as(Words(p), row, dim, group, DTYPE_F32)
#define put(p, row, dim, group, x) put_as(Words(p), row, dim, group, x, DTYPE)
#define put_f32(p, row, dim, group, x) put_as(Words(p), row, dim, group, x, DTYPE_F32)
#endif
