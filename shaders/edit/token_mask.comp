#version 460
#include "common/kernel.glsl"

// 1 at one token of every sequence, 0 elsewhere.   tokens: (sequences)   mask: (sequences, time)
layout(push_constant) uniform Push { InU32 tokens; OutF32 mask; uint count, time; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) p.mask.at[i] = p.tokens.at[i / p.time] == i % p.time ? 1.0 : 0.0;
}
