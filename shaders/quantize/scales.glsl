// From the range of every group to what its codes are multiples of. A group without elements, or of zeros, has the scale 0; where something is not finite it is NaN.
// ranges: (groups, 2)   whole: (groups / per_whole, 2), the ranges of larger parts; may be null   scales: (groups, 2), scale and offset
#include "quantize/minifloat.glsl"

layout(push_constant) uniform Push { InF32 ranges; InF32 whole; OutF32 scales; uint groups, per_whole; float largest, clip; } p;

#define NOT_A_NUMBER uintBitsToFloat(0x7fc00000u)
bool is_empty(float least, float most) { return floatBitsToUint(least) == 0x7f800000u && floatBitsToUint(most) == 0xff800000u; }

// The largest magnitude of a range, clipped; 0 of one without elements.
float largest_of(float least, float most) {
  return is_empty(least, most) ? 0.0 : p.clip == 1.0 ? larger_magnitude(least, most) : larger_magnitude(least, most) * p.clip;
}

vec2 scale_of(uint group, float least, float most);

void main() {
  for (uint g = first_item(); g < p.groups; g += item_stride()) {
    const vec2 scale = scale_of(g, p.ranges.at[2 * g], p.ranges.at[2 * g + 1]);
    p.scales.at[2 * g] = scale.x;
    p.scales.at[2 * g + 1] = scale.y;
  }
}
