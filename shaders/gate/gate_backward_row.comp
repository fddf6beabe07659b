#version 460
#include "common/team.glsl"
#include "gate/opening.glsl"

// Gradients of y * opening(z) with a logit per row:  dy = d opening(z),  dz = sum over channels of d y opening'(z), a team per row.
// y, d, dy: (rows, dim)   z: row r has logit r mod z_count   dz: (rows) of type DZ_TYPE, still to be summed where rows share a logit; dy, dz may be null
layout(constant_id = 5) const uint Z_TYPE = DTYPE_F32;
layout(constant_id = 6) const uint DZ_TYPE = DTYPE_F32;
layout(push_constant) uniform Push { In y; In z; In d; Out dy; Out dz; uint rows, dim, z_count; } p;

void main() {
  const uint lane = team_lane(), lanes = team_lanes();
  for (uint row = first_team(); row < p.rows; row += team_stride()) {
    const float z = load_as(Words(p.z), row % p.z_count, Z_TYPE), open = forward(z);
    float sum = 0.0;
    for (uint i = lane; i < (p.dim + 3) / 4; i += lanes) {
      const vec4 d = fetch(p.d, row, p.dim, i);
      if (!is_null(p.dy)) put(p.dy, row, p.dim, i, d * open);
      sum += dot(d, fetch(p.y, row, p.dim, i));
    }
    sum = team_sum(sum);
    if (lane == 0 && !is_null(p.dz)) store_as(Words(p.dz), row, sum * backward(z), DZ_TYPE);
  }
}
