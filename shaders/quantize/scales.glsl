// From the range of every group to what its codes are multiples of (scale_rule.glsl).
// ranges: (groups, 2)   whole: (groups / per_whole, 2), the ranges of larger parts; may be null   scales: (groups, 2), scale and offset
#include "quantize/scale_rule.glsl"

layout(push_constant) uniform Push { InF32 ranges; InF32 whole; OutF32 scales; uint groups, per_whole; float largest, clip; } p;

vec2 scale_of(uint group, float least, float most);

void main() {
  for (uint g = first_item(); g < p.groups; g += item_stride()) {
    const vec2 scale = scale_of(g, p.ranges.at[2 * g], p.ranges.at[2 * g + 1]);
    p.scales.at[2 * g] = scale.x;
    p.scales.at[2 * g + 1] = scale.y;
  }
}
