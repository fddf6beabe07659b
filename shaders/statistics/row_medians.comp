#version 460
#include "common/span.glsl"

// The median of |x| of every row, one workgroup per row: a radix selection on the bit patterns, of an even number of entries the lower of the middle two.
// x: (rows, dim)   medians: (rows)
const uint BINS = 2048, DIGITS = 3;
layout(push_constant) uniform Push { In x; OutF32 medians; uint rows, dim; } p;

shared uint bins[BINS];
shared uint totals[1024];  // of each lane's share of the bins
shared uint prefix, rank;  // bits that are known, and the entry's place among those that begin with them

void count_entry(float x, uint known, uint shift, uint bits) {
  const uint key = floatBitsToUint(x) & 0x7fffffffu;
  if (key >> (shift + bits) == known) atomicAdd(bins[key >> shift & (1u << bits) - 1], 1);
}

void count_row(Span span, uint known, uint shift, uint bits) {
  for_singles(i, span) count_entry(load(p.x, i), known, shift, bits);
  for_groups(base, span) {
    vec4 x[4];
    load_groups(p.x, base, span, 0.0, x);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      if (base + j * lanes() >= span.last) continue;
      [[unroll]] for (uint c = 0; c < 4; ++c) count_entry(x[j][c], known, shift, bits);
    }
  }
}

// The bin that holds the wanted rank joins the prefix.
void select_bin(uint share, uint bits) {
  uint owner = 0, left = rank;
  while (left >= totals[owner]) left -= totals[owner++];
  uint bin = owner * share;
  while (left >= bins[bin]) left -= bins[bin++];
  prefix = prefix << bits | bin;
  rank = left;
}

void main() {
  const uint share = (BINS + lanes() - 1) / lanes();
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = span_of(p.x, row * p.dim, p.dim);
    if (lane() == 0) prefix = 0, rank = (p.dim - 1) / 2;
    for (uint digit = 0; digit < DIGITS; ++digit) {  // 11, 10 and 10 bits: |x| has no sign
      const uint bits = digit == 0 ? 11 : 10, shift = 20 - 10 * digit;
      for (uint i = lane(); i < BINS; i += lanes()) bins[i] = 0;
      barrier();
      count_row(span, prefix, shift, bits);
      barrier();
      totals[lane()] = 0;
      for (uint i = lane() * share; i < min((lane() + 1) * share, BINS); ++i) totals[lane()] += bins[i];
      barrier();
      if (lane() == 0) select_bin(share, bits);
      barrier();
    }
    if (lane() == 0) p.medians.at[row] = uintBitsToFloat(prefix);
    barrier();
  }
}
