// Elements to codes and back: y is what a code stands for, scale and offset in place.
// x, y: (sequences * time, dim), `count` elements   scales: (groups, 2), see scales.glsl; tensors of more groups begin again   columns: see groups.glsl   codes: `count`, 0 of what has none; may be null
#include "quantize/groups.glsl"
#include "quantize/minifloat.glsl"

layout(push_constant) uniform Push {
  In x; InF32 scales; InF32 columns; Out y; OutU32 codes;
  uint count, groups, first_run, along, inner, run, joined, dim, time, except_tokens;
} p;

int code_of(float x, float scale, float offset);
float value_of(int code, float scale, float offset);

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    const float x = load(p.x, i);
    float y = x;
    int code = 0;
    if (is_first_token(i, p)) {
    } else if (in_kept_column(i, p)) {
      y = from_f16(to_f16(x));
    } else if (!is_nan(x)) {
      const uint g = group_of(i, p.first_run, p.along, p.inner, p.run, p.joined) % p.groups;
      const float scale = p.scales.at[2 * g], offset = p.scales.at[2 * g + 1];
      if (!is_nan(scale) && !is_zero(scale)) code = code_of(x, scale, offset);
      y = is_nan(scale) ? scale : is_zero(scale) ? offset : value_of(code, scale, offset);
    }
    store(p.y, i, y);
    if (!is_null(p.codes)) p.codes.at[i] = uint(code);
  }
}
