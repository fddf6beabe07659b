#version 460
#include "common/kernel.glsl"

// Rotates each head of x (rows, width): (a, b), its halves, become (a c - s b, b c + s a), with c, s from the row's position of the table
// (cosines, then sines). direction 1 forward, -1 backward. An invocation takes VECTOR channel pairs: 4, or 1 where half a head is no multiple of 4.
layout(constant_id = 2) const uint VECTOR = 1;
layout(push_constant) uniform Push { In x; InF32 table; Out y; uint rows, tokens, width, head_dim; float direction; } p;

void main() {
  const uint half_dim = p.head_dim / 2, per_head = half_dim / VECTOR, per_row = p.width / 2 / VECTOR;
  for (uint item = first_item(); item < p.rows * per_row; item += item_stride()) {
    const uint row = item / per_row, head = item % per_row / per_head, i = item % per_head * VECTOR;
    const uint at = row * p.width + head * p.head_dim + i, angle = row % p.tokens * p.head_dim + i;
    if (VECTOR == 4) {
      const vec4 c = load4_as(Words(p.table), angle / 4, DTYPE_F32), s = p.direction * load4_as(Words(p.table), (angle + half_dim) / 4, DTYPE_F32);
      const vec4 a = load4(p.x, at / 4), b = load4(p.x, (at + half_dim) / 4);
      store4(p.y, at / 4, a * c - b * s);
      store4(p.y, (at + half_dim) / 4, b * c + a * s);
    } else {
      const float c = p.table.at[angle], s = p.direction * p.table.at[angle + half_dim];
      const float a = load(p.x, at), b = load(p.x, at + half_dim);
      store(p.y, at, a * c - b * s);
      store(p.y, at + half_dim, b * c + a * s);
    }
  }
}
