// Ranges, scales and codes of runs of neighbours in one pass: a team per run, whose elements it keeps in registers (of a long one the first of them, the rest is read
// again). Every run starts and ends with a whole group of four and lies in one row. Included behind plain_value(), code_of() and value_of().
// x, y: (sequences * time, dim)   columns: see groups.glsl   scales: (runs, 2), as of scales.glsl   codes: like x, 0 of what has none; may be null
#include "quantize/groups.glsl"
#include "quantize/scale_rule.glsl"
#include "quantize/through_code.glsl"

layout(push_constant) uniform Push {
  In x; InF32 columns; Out y; OutF32 scales; OutU32 codes;
  uint runs, run, dim, time, except_tokens; float largest, clip;
} p;

// A run: its quads in x, and where its row begins.
struct Run {
  uint first, quads, row;
};
Run run_at(uint r) {
  const uint each = runs_in(p.dim, p.run), row = r / each, before = r % each * p.run;
  return Run((row * p.dim + before) / 4, min(p.run, p.dim - before) / 4, row * p.dim);
}

bool is_kept(Run run, uint i) { return !is_null(p.columns) && p.columns.at[run.row / (p.dim * p.time) * p.dim + i - run.row] != 0.0; }

// Of the elements that are quantized: the least and the largest by their order, or only the largest magnitude, by its bits, where scales need no more.
uint least, most;
void clear_range() {
  least = order_of(uintBitsToFloat(0x7f800000u));
  most = RULE == RULE_RANGE ? order_of(uintBitsToFloat(0xff800000u)) : 0;
}
void count_in(Run run, uint quad, vec4 x) {
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    if (is_kept(run, 4 * (run.first + quad) + j)) continue;
    if (RULE == RULE_RANGE) least = min(least, order_of(x[j])), most = max(most, order_of(x[j]));
    else most = max(most, floatBitsToUint(magnitude(x[j])));
  }
}

// (scale, offset) of what all lanes of the team have counted.
vec2 scale_of_range() {
  most = team_max(most);
  if (RULE != RULE_RANGE) return scale_by_rule(0.0, uintBitsToFloat(most), p.largest, p.clip);
  least = team_min(least);
  return scale_by_rule(number_at(least), number_at(most), p.largest, p.clip);
}

// Writes a quad whose codes are plain and that nobody asks for; false where it is none.
bool put_plain(Run run, uint quad, vec4 x, Step scale, float offset) {
  if (!is_null(p.codes)) return false;
  vec4 y;
  bool plain = true;
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    if (is_kept(run, 4 * (run.first + quad) + j)) y[j] = from_f16(to_f16(x[j]));
    else if (!plain_value(x[j], scale, offset, y[j])) plain = false;
  }
  if (plain) store4(p.y, run.first + quad, y);
  return plain;
}

// Any.
void put_quad(Run run, uint quad, Step scale, float offset) {
  vec4 x = load4(p.x, run.first + quad);
  [[dont_unroll]] for (uint j = 0; j < 4; ++j) {
    const uint i = 4 * (run.first + quad) + j;
    int code = 0;
    const float y = is_kept(run, i) ? from_f16(to_f16(x[0])) : through_code(x[0], scale, offset, code);
    if (!is_null(p.codes)) p.codes.at[i] = uint(code);
    x = vec4(x.yzw, y);  // turned, so that the places are known
  }
  store4(p.y, run.first + quad, x);
}

// A run of one of the first tokens, which stay.
void copy(Run run) {
  for (uint quad = team_lane(); quad < run.quads; quad += team_lanes()) {
    store4(p.y, run.first + quad, load4(p.x, run.first + quad));
    [[unroll]] for (uint j = 0; j < 4; ++j)
      if (!is_null(p.codes)) p.codes.at[4 * (run.first + quad) + j] = 0;
  }
}

vec2 quantize(Run run) {
  const uint at = team_lane(), next = team_lanes();
  vec4 kept[KEPT];
  clear_range();
  [[unroll]] for (uint n = 0; n < KEPT; ++n)
    if (at + n * next < run.quads) {
      kept[n] = load4(p.x, run.first + at + n * next);
      count_in(run, at + n * next, kept[n]);
    }
  for (uint quad = at + KEPT * next; quad < run.quads; quad += next) count_in(run, quad, load4(p.x, run.first + quad));
  const vec2 scale = scale_of_range();
  const Step size = step_of(scale.x);
  uint left = 0;  // of those that are kept, a bit each
  [[unroll]] for (uint n = 0; n < KEPT; ++n)
    if (at + n * next < run.quads && !put_plain(run, at + n * next, kept[n], size, scale.y)) left |= 1u << n;
  for (uint n = left != 0 ? findLSB(left) : KEPT; at + n * next < run.quads; ++n) {
    if (n < KEPT ? (left >> n & 1u) != 0 : !put_plain(run, at + n * next, load4(p.x, run.first + at + n * next), size, scale.y))
      put_quad(run, at + n * next, size, scale.y);
  }
  return scale;
}

void main() {
  for (uint r = first_team(); r < p.runs; r += team_stride()) {
    const Run run = run_at(r);
    vec2 scale = vec2(0.0);
    if (is_first_token(4 * run.first, p)) copy(run);
    else scale = quantize(run);
    if (team_lane() != 0) continue;
    p.scales.at[2 * r] = scale.x;
    p.scales.at[2 * r + 1] = scale.y;
  }
}
