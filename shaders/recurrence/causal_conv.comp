#version 460
#include "common/rows.glsl"

// Each channel's own weights over the last tokens of its sequence: y[t] = sum over j of w[j] x[t - taps + 1 + j]; before the first token x is 0. REVERSED: over the
// next tokens instead, which gives the gradient of x from that of y. One invocation per token and group of four channels.
// x, y: (rows, dim), rows = sequences * tokens   w: (dim, taps)
layout(constant_id = 3) const uint REVERSED = 0;
layout(push_constant) uniform Push { In x; InF32 w; Out y; uint rows, tokens, dim, taps; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.rows * groups; item += item_stride()) {
    const uint row = item / groups, i = item % groups, token = row % p.tokens;
    const uint reach = min(p.taps, REVERSED != 0 ? p.tokens - token : token + 1);
    vec4 sum = vec4(0.0);
    for (uint away = reach; away-- > 0;) {  // the farthest first
      vec4 w = vec4(0.0);
      [[unroll]] for (uint c = 0; c < 4; ++c)
        if (i * 4 + c < p.dim) w[c] = p.w.at[(i * 4 + c) * p.taps + p.taps - 1 - away];
      sum += w * fetch(p.x, REVERSED != 0 ? row + away : row - away, p.dim, i);
    }
    put(p.y, row, p.dim, i, sum);
  }
}
