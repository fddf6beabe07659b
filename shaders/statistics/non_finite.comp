#version 460
#include "common/reduce.glsl"
#include "common/rows.glsl"

// How many entries of x are infinite or NaN, and which row has the first; one workgroup per row. Judged by the bits as they are stored: a driver may take for
// granted that there is no NaN. Whole numbers, so the order of the atomics does not matter.
// x: (rows, dim), of a larger tensor those from row `first`   found: the count; and of the first such row 0xffffffff - 2 * row, less 1 where it has infinities only (0: there is none). Zero before
layout(push_constant) uniform Push { In x; InOutU32 found; uint rows, dim, first; } p;

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer BitsF32 { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer BitsF32x4 { uvec4 at[]; };

// An entry's bits without the sign, and what infinity has.
const uint INFINITY_BITS = DTYPE == DTYPE_F32 ? 0x7f800000u : DTYPE == DTYPE_F16 ? 0x7c00u : 0x7f80u;
uint magnitude_at(uint i) {
#ifdef STORAGE16
  if (DTYPE != DTYPE_F32) return uint(WordsU16(Words(p.x)).at[i]) & 0x7fffu;
#endif
  return BitsF32(Words(p.x)).at[i] & 0x7fffffffu;
}
uvec4 magnitudes_at(uint group) {
#ifdef STORAGE16
  if (DTYPE != DTYPE_F32) {
    const uvec2 words = WordsU16x4(Words(p.x)).at[group];
    return uvec4(words.x, words.x >> 16, words.y, words.y >> 16) & 0x7fffu;
  }
#endif
  return BitsF32x4(Words(p.x)).at[group] & 0x7fffffffu;
}

uint bad = 0, largest = 0;
void look_at(uint magnitude) {
  bad += uint(magnitude >= INFINITY_BITS);
  largest = max(largest, magnitude);
}

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    bad = largest = 0;
    if (QUADS != 0) {
      for (uint group = lane(); group < p.dim / 4; group += lanes()) {
        const uvec4 four = magnitudes_at(row * (p.dim / 4) + group);
        look_at(four.x);
        look_at(four.y);
        look_at(four.z);
        look_at(four.w);
      }
    } else {
      for (uint i = lane(); i < p.dim; i += lanes()) look_at(magnitude_at(row * p.dim + i));
    }
    const uint worst = workgroup_max(largest);
    if (worst < INFINITY_BITS) continue;
    const uint count = workgroup_sum(bad);
    if (lane() != 0) continue;
    atomicAdd(p.found.at[0], count);
    atomicMax(p.found.at[1], 0xffffffffu - 2 * (p.first + row) - uint(worst == INFINITY_BITS));
  }
}
