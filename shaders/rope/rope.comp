#version 460
#include "common/kernel.glsl"

// Rotates the first `rotated` channels of each head of x (rows, width): (a, b), their halves, become (a c - s b, b c + s a), with c, s from the row's
// position of the table (cosines, then sines); the other channels are copied. direction 1 forward, -1 backward. An invocation takes VECTOR pairs, or
// VECTOR channels to copy: 4, or 1 where that does not divide half of what is rotated.
layout(constant_id = 2) const uint VECTOR = 1;
layout(push_constant) uniform Push { In x; InF32 table; Out y; uint rows, tokens, width, head_dim, rotated; float direction; } p;

void rotate(uint at, uint angle, uint half_dim) {
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

void main() {
  const uint half_dim = p.rotated / 2, pairs = half_dim / VECTOR, per_head = pairs + (p.head_dim - p.rotated) / VECTOR;
  const uint per_row = p.width / p.head_dim * per_head;
  for (uint item = first_item(); item < p.rows * per_row; item += item_stride()) {
    const uint row = item / per_row, head = item % per_row / per_head, i = item % per_head;
    const uint start = row * p.width + head * p.head_dim, rest = start + p.rotated + (i - pairs) * VECTOR;
    if (i < pairs) rotate(start + i * VECTOR, row % p.tokens * p.rotated + i * VECTOR, half_dim);
    else if (VECTOR == 4) store4(p.y, rest / 4, load4(p.x, rest / 4));
    else store(p.y, rest, load(p.x, rest));
  }
}
