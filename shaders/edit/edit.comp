#version 460
#include "common/kernel.glsl"

// y = x with the chosen elements edited: those whose channel, position and token are not masked by a 0 (a mask that is null chooses all).
// x, y: (sequences * time, dim)   channels, values: (dim)   positions: (time)   tokens: (sequences * time)   values null: `value` for all
layout(constant_id = 2) const uint KIND = 0;  // as EditKind in engine/ops/edit.h
layout(push_constant) uniform Push { In x; InF32 channels; InF32 positions; InF32 tokens; InF32 values; Out y; uint count, dim, time; float value; } p;

bool chosen(InF32 mask, uint i) { return is_null(mask) || mask.at[i] != 0.0; }

float edited(float x, float value) {
  switch (KIND) {
    case 1: return x * value;
    case 2: return value;
    case 3: return x + value;
    case 4: return clamp(x, -abs(value), abs(value));
    default: return 0.0;
  }
}

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    const uint channel = i % p.dim, token = i / p.dim;
    float x = load(p.x, i);
    if (chosen(p.channels, channel) && chosen(p.positions, token % p.time) && chosen(p.tokens, token))
      x = edited(x, is_null(p.values) ? p.value : p.values.at[channel]);
    store(p.y, i, x);
  }
}
