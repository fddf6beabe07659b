// Elements to codes and back: y is what a code stands for, scale and offset in place. Included behind plain_value(), code_of() and value_of().
// x, y: (sequences * time, dim), `count` elements   scales: (groups, 2), see scales.glsl; tensors of more groups begin again   columns: see groups.glsl   codes: `count`, 0 of what has none; may be null
#include "quantize/groups.glsl"
#include "quantize/through_code.glsl"

layout(push_constant) uniform Push {
  In x; InF32 scales; InF32 columns; Out y; OutU32 codes;
  uint count, groups, first_run, along, inner, run, joined, dim, time, except_tokens;
} p;

uint group_at(uint i) { return p.groups == 1 ? 0 : group_of(i, p.first_run, p.along, p.inner, p.run, p.joined) % p.groups; }

struct Scale {
  Step step;
  float offset;
};
Scale scale_at(uint i) {
  const uint group = group_at(i);
  return Scale(step_of(p.scales.at[2 * group]), p.scales.at[2 * group + 1]);
}

// Whether element i, that is x, has no code; then what it comes back as.
bool has_no_code(uint i, float x, out float y) {
  if (is_first_token(i, p)) y = x;
  else if (in_kept_column(i, p)) y = from_f16(to_f16(x));
  else return false;
  return true;
}

// Where it has none or a plain one: what it comes back as.
bool plain_element(uint i, float x, Scale scale, out float y) { return has_no_code(i, x, y) || plain_value(x, scale.step, scale.offset, y); }

// Any element.
float element(uint i, float x, Scale scale, out int code) {
  float y;
  code = 0;
  return has_no_code(i, x, y) ? y : through_code(x, scale.step, scale.offset, code);
}

// All four neighbours of group q, if they are plain and nobody asks for codes.
bool plain_quad(uint q, bool of_one_group) {
  if (!is_null(p.codes)) return false;
  const vec4 x = load4(p.x, q);
  Scale scale = scale_at(4 * q);
  vec4 y;
  bool plain = true;
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    if (j > 0 && !of_one_group) scale = scale_at(4 * q + j);
    if (!plain_element(4 * q + j, x[j], scale, y[j])) plain = false;
  }
  if (plain) store4(p.y, q, y);
  return plain;
}

void main() {
  const bool of_one_group = p.groups == 1 || (p.inner == 1 && p.along % 4 == 0 && p.run % 4 == 0);  // four neighbours
  for_quads(q, p.count) {
    if (plain_quad(q, of_one_group)) continue;
    vec4 x = load4(p.x, q);
    [[dont_unroll]] for (uint j = 0; j < 4; ++j) {
      int code;
      const float y = element(4 * q + j, x[0], scale_at(4 * q + j), code);
      if (!is_null(p.codes)) p.codes.at[4 * q + j] = uint(code);
      x = vec4(x.yzw, y);  // turned, so that the places are known
    }
    store4(p.y, q, x);
  }
  for_rest(i, p.count) {
    int code;
    store(p.y, i, element(i, load(p.x, i), scale_at(i), code));
    if (!is_null(p.codes)) p.codes.at[i] = uint(code);
  }
}
