#version 460
#include "common/span.glsl"

// One digit of a radix selection on the bit patterns of |x|: how many entries whose higher bits equal the group's prefix have each value of the digit.
// One workgroup per chunk of a group of entries; counts are whole numbers, so their order does not matter.
// x: (groups * group_size)   selection: (groups, 2), prefix and rank   counts: (groups * chunks, BINS)
const uint BINS = 2048;
layout(push_constant) uniform Push { In x; InU32 selection; OutU32 counts; uint groups, group_size, chunks, per_chunk, shift, bits; } p;

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
    for (uint i = span.first + lane(); i < span.last; i += lanes()) {
      const vec4 x = load_span(p.x, i, span, 0.0);
      if (is_inside(span, 4 * i)) count_entry(x.x, prefix);
      if (is_inside(span, 4 * i + 1)) count_entry(x.y, prefix);
      if (is_inside(span, 4 * i + 2)) count_entry(x.z, prefix);
      if (is_inside(span, 4 * i + 3)) count_entry(x.w, prefix);
    }
    barrier();
    for (uint i = lane(); i < BINS; i += lanes()) p.counts.at[item * BINS + i] = bins[i];
    barrier();
  }
}
