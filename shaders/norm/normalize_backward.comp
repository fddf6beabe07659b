#version 460
#include "common/team.glsl"

// Gradients of y = n * w, n = (x - mean) * rstd, plus the gradient that reached x another way (`add`, may be null):
//   dx = add + rstd * (w dy - mean(w dy) - n mean(w dy n))   (mean(w dy) only where CENTERED),   dw = sum over rows of dy n
// A team takes a chunk of rows one by one, so that a lane meets the same channels in each and sums their dw without help:
// partial[chunk] is the chunk's dw. dx and partial may be null.
// x, dy, dx, add: (rows, dim)   w: (dim)   mean, rstd: (rows)   partial: (chunks, dim)
layout(constant_id = 5) const uint CENTERED = 0;
layout(push_constant) uniform Push {
  In x; In dy; In add; InF32 w; InF32 mean; InF32 rstd; Out dx; InOutF32 partial;
  uint rows, dim, chunks;
} p;

float sum_of(vec4 x) { return (x.x + x.y) + (x.z + x.w); }

void main() {
  const uint lane = team_lane(), lanes = team_lanes(), groups = (p.dim + 3) / 4, rest = lane + KEPT * lanes;
  const uint per_chunk = (p.rows + p.chunks - 1) / p.chunks;
  for (uint chunk = first_team(); chunk < p.chunks; chunk += team_stride()) {
    vec4 dw[KEPT];
    [[unroll]] for (uint k = 0; k < KEPT; ++k) dw[k] = vec4(0.0);
    const uint begin = chunk * per_chunk, end = min(begin + per_chunk, p.rows);
    for (uint row = begin; row < end; ++row) {
      const float mean = CENTERED != 0 ? p.mean.at[row] : 0.0, rstd = p.rstd.at[row];
      vec4 n[KEPT], dy[KEPT];
      [[unroll]] for (uint k = 0; k < KEPT; ++k) {
        n[k] = fetch(p.x, row, p.dim, lane + k * lanes);
        dy[k] = fetch(p.dy, row, p.dim, lane + k * lanes);
      }
      float along = 0.0, level = 0.0;
      [[unroll]] for (uint k = 0; k < KEPT; ++k) {
        const vec4 g = dy[k] * fetch_f32(p.w, 0, p.dim, lane + k * lanes);
        n[k] = (n[k] - mean) * rstd;
        along += dot(g, n[k]);
        level += sum_of(g);
      }
      for (uint i = rest; i < groups; i += lanes) {
        const vec4 g = fetch(p.dy, row, p.dim, i) * fetch_f32(p.w, 0, p.dim, i);
        along += dot(g, (fetch(p.x, row, p.dim, i) - mean) * rstd);
        level += sum_of(g);
      }
      along = team_sum(along) / float(p.dim);
      level = CENTERED != 0 ? team_sum(level) / float(p.dim) : 0.0;
      [[unroll]] for (uint k = 0; k < KEPT; ++k) {
        const uint i = lane + k * lanes;
        vec4 dx = rstd * (dy[k] * fetch_f32(p.w, 0, p.dim, i) - level - n[k] * along);
        if (!is_null(p.add)) dx += fetch(p.add, row, p.dim, i);
        if (!is_null(p.dx)) put(p.dx, row, p.dim, i, dx);
        dw[k] += dy[k] * n[k];
      }
      for (uint i = rest; i < groups; i += lanes) {
        const vec4 g = fetch(p.dy, row, p.dim, i), normal = (fetch(p.x, row, p.dim, i) - mean) * rstd;
        vec4 dx = rstd * (g * fetch_f32(p.w, 0, p.dim, i) - level - normal * along);
        if (!is_null(p.add)) dx += fetch(p.add, row, p.dim, i);
        if (!is_null(p.dx)) put(p.dx, row, p.dim, i, dx);
        if (!is_null(p.partial)) put_f32(p.partial, chunk, p.dim, i, g * normal + (row == begin ? vec4(0.0) : fetch_f32(p.partial, chunk, p.dim, i)));
      }
    }
    if (is_null(p.partial)) continue;
    [[unroll]] for (uint k = 0; k < KEPT; ++k) put_f32(p.partial, chunk, p.dim, lane + k * lanes, dw[k]);
    for (uint i = rest; begin >= end && i < groups; i += lanes) put_f32(p.partial, chunk, p.dim, i, vec4(0.0));
  }
}
