// The range of a run: the smallest and the largest of its elements that are quantized, by their order. Included behind the push constants p, which have columns, ranges,
// dim, time and except_tokens (groups.glsl).
#ifndef ABLATE_QUANTIZE_RANGE_GLSL
#define ABLATE_QUANTIZE_RANGE_GLSL
#include "common/reduce.glsl"
#include "quantize/groups.glsl"

struct Range { uint least, most; };

// Infinity and -infinity: of nothing.
Range empty_range() { return Range(order_of(uintBitsToFloat(0x7f800000u)), order_of(uintBitsToFloat(0xff800000u))); }

// Element i, that is x.
void count_in(inout Range range, uint i, float x) {
  if (is_first_token(i, p) || in_kept_column(i, p)) return;
  range = Range(min(range.least, order_of(x)), max(range.most, order_of(x)));
}

void put_range(uint run, Range range) {
  p.ranges.at[2 * run] = number_at(range.least);
  p.ranges.at[2 * run + 1] = number_at(range.most);
}
#endif
