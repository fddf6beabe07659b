#version 460
#include "common/kernel.glsl"

// One token of every sequence.   x: (sequences, time, dim)   tokens: (sequences, per_sequence), of which the first counts   y: (sequences, dim), `count` elements
layout(push_constant) uniform Push { In x; InU32 tokens; OutF32 y; uint count, time, dim, per_sequence; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    const uint sequence = i / p.dim;
    p.y.at[i] = load(p.x, (sequence * p.time + p.tokens.at[sequence * p.per_sequence]) * p.dim + i % p.dim);
  }
}
