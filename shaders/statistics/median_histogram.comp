#version 460
#include "common/span.glsl"

// One digit of a radix selection on the bit patterns of |x|: how many entries whose higher bits equal the group's prefix have each value of the digit.
// One workgroup per chunk of a group of entries; counts are whole numbers, so the order of the atomics does not matter.
// x: (groups * group_size)   selection: (groups, 2), prefix and rank   counts: (groups, BINS), zero before
const uint BINS = 2048;
layout(push_constant) uniform Push { In x; InU32 selection; InOutU32 counts; uint groups, group_size, chunks, per_chunk, shift, bits; } p;

shared uint bins[BINS];

void count_entry(float x, uint prefix) {
  const uint key = floatBitsToUint(x) & 0x7fffffffu;
  if (key >> (p.shift + p.bits) == prefix) atomicAdd(bins[key >> p.shift & (1u << p.bits) - 1], 1);
}

void main() {
  for (uint item = first_row(); item < p.groups * p.chunks; item += row_stride()) {
    const uint group = item / p.chunks, begin = min(item % p.chunks * p.per_chunk, p.group_size), size = min(p.per_chunk, p.group_size - begin);
    const Span span = span_of(p.x, group * p.group_size + begin, size);
    const uint prefix = p.selection.at[2 * group];
    for (uint i = lane(); i < BINS; i += lanes()) bins[i] = 0;
    barrier();
    for_singles(i, span) count_entry(load(p.x, i), prefix);
    for_groups(base, span) {
      vec4 x[4];
      load_groups(p.x, base, span, 0.0, x);
      [[unroll]] for (uint j = 0; j < 4; ++j) {
        if (base + j * lanes() >= span.last) continue;
        count_entry(x[j].x, prefix);
        count_entry(x[j].y, prefix);
        count_entry(x[j].z, prefix);
        count_entry(x[j].w, prefix);
      }
    }
    barrier();
    for (uint i = lane(); i < BINS; i += lanes())
      if (bins[i] != 0) atomicAdd(p.counts.at[group * BINS + i], bins[i]);
    barrier();
  }
}
