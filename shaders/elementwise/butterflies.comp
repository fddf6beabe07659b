#version 460
#include "common/kernel.glsl"

// Sums and differences of pairs of elements that lie `apart`, in whole rows of a multiple of 2 apart.   x, y: (count)
layout(push_constant) uniform Push { InF32 x; OutF32 y; uint count, apart; float factor; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    const bool first = i / p.apart % 2 == 0;
    p.y.at[i] = p.factor * (first ? p.x.at[i] + p.x.at[i + p.apart] : p.x.at[i - p.apart] - p.x.at[i]);
  }
}
