#version 460
#include "common/rows.glsl"
#include "gate/opening.glsl"

// out = y * opening(z), the sigmoid unless the user brings another. Each of the z_count logits gates `channels` consecutive elements of y, over and
// over: a logit per group of channels of y if there are as many, the same for every token (and sequence) otherwise. Seen as (rows, channels) if channels > 1,
// row r has logit r mod z_count; as (rows, z_count) if channels is 1.   y, out: (rows, dim)   z: (z_count)
layout(constant_id = 3) const uint Z_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint PER_CHANNEL = 0;
layout(push_constant) uniform Push { In y; In z; Out result; uint rows, dim, z_count; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.rows * groups; item += item_stride()) {
    const uint row = item / groups, i = item % groups;
    const vec4 z = PER_CHANNEL != 0 ? fetch_as(Words(p.z), 0, p.dim, i, Z_TYPE) : vec4(load_as(Words(p.z), row % p.z_count, Z_TYPE));
    put(p.result, row, p.dim, i, fetch(p.y, row, p.dim, i) * opening(z));
  }
}
