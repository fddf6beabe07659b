#version 460
#include "common/team.glsl"

// y = (x - mean) * rstd * w, rstd = rsqrt(mean((x - mean)^2) + eps), a team per row. Layer normalisation; with mean 0 (CENTERED 0) RMS normalisation.
// x, y: (rows, dim)   w: (dim)   mean, rstd: (rows), kept for the backward pass (mean only where CENTERED)
layout(constant_id = 5) const uint CENTERED = 0;
layout(push_constant) uniform Push { In x; InF32 w; Out y; OutF32 mean; OutF32 rstd; uint rows, dim; float eps; } p;

float sum_of(vec4 x) { return (x.x + x.y) + (x.z + x.w); }
float square(vec4 x) { return dot(x, x); }

void main() {
  const uint lane = team_lane(), lanes = team_lanes(), groups = (p.dim + 3) / 4, rest = lane + KEPT * lanes;
  for (uint row = first_team(); row < p.rows; row += team_stride()) {
    vec4 kept[KEPT];
    [[unroll]] for (uint k = 0; k < KEPT; ++k) kept[k] = fetch(p.x, row, p.dim, lane + k * lanes);
    float mean = 0.0, squares = 0.0;
    if (CENTERED != 0) {
      float sum = 0.0;
      [[unroll]] for (uint k = 0; k < KEPT; ++k) sum += sum_of(kept[k]);
      for (uint i = rest; i < groups; i += lanes) sum += sum_of(fetch(p.x, row, p.dim, i));
      mean = team_sum(sum) / float(p.dim);
      [[unroll]] for (uint k = 0; k < KEPT; ++k) kept[k] -= mean;
      [[unroll]] for (uint k = 0; k < KEPT; ++k) squares += square(kept[k] * inside(p.dim, lane + k * lanes));
      for (uint i = rest; i < groups; i += lanes) squares += square((fetch(p.x, row, p.dim, i) - mean) * inside(p.dim, i));
    } else {
      [[unroll]] for (uint k = 0; k < KEPT; ++k) squares += square(kept[k]);
      for (uint i = rest; i < groups; i += lanes) squares += square(fetch(p.x, row, p.dim, i));
    }
    const float rstd = inversesqrt(team_sum(squares) / float(p.dim) + p.eps);
    [[unroll]] for (uint k = 0; k < KEPT; ++k) {
      const uint i = lane + k * lanes;
      put(p.y, row, p.dim, i, kept[k] * rstd * fetch_f32(p.w, 0, p.dim, i));
    }
    for (uint i = rest; i < groups; i += lanes) put(p.y, row, p.dim, i, (fetch(p.x, row, p.dim, i) - mean) * rstd * fetch_f32(p.w, 0, p.dim, i));
    if (lane == 0) {
      p.rstd.at[row] = rstd;
      if (CENTERED != 0) p.mean.at[row] = mean;
    }
  }
}
