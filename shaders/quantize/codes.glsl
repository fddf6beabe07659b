// Elements to codes and back: y is what a code stands for, scale and offset in place.
// x, y: (sequences * time, dim), `count` elements   scales: (groups, 2), see scales.glsl; tensors of more groups begin again   columns: see groups.glsl   codes: `count`, 0 of what has none; may be null
#include "common/elementwise.glsl"
#include "quantize/groups.glsl"
#include "quantize/minifloat.glsl"

layout(push_constant) uniform Push {
  In x; InF32 scales; InF32 columns; Out y; OutU32 codes;
  uint count, groups, first_run, along, inner, run, joined, dim, time, except_tokens;
} p;

int code_of(float x, float scale, float offset);
float value_of(int code, float scale, float offset);

uint group_at(uint i) { return group_of(i, p.first_run, p.along, p.inner, p.run, p.joined) % p.groups; }

// What element i, that is x and of a group, comes back as, and its code.
float through_code(uint i, float x, uint group, out int code) {
  code = 0;
  if (is_first_token(i, p)) return x;
  if (in_kept_column(i, p)) return from_f16(to_f16(x));
  if (is_nan(x)) return x;
  const float scale = p.scales.at[2 * group], offset = p.scales.at[2 * group + 1];
  if (is_nan(scale)) return scale;
  if (is_zero(scale)) return offset;
  code = code_of(x, scale, offset);
  return value_of(code, scale, offset);
}

void main() {
  int code;
  const bool of_one_group = p.inner == 1 && p.along % 4 == 0 && p.run % 4 == 0;  // four neighbours
  for_quads(q, p.count) {
    vec4 x = load4(p.x, q);
    const uint group = group_at(4 * q);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      x[j] = through_code(4 * q + j, x[j], of_one_group ? group : group_at(4 * q + j), code);
      if (!is_null(p.codes)) p.codes.at[4 * q + j] = uint(code);
    }
    store4(p.y, q, x);
  }
  for_rest(i, p.count) {
    store(p.y, i, through_code(i, load(p.x, i), group_at(i), code));
    if (!is_null(p.codes)) p.codes.at[i] = uint(code);
  }
}
