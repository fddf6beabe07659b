#version 460
#include "common/rows.glsl"
#include "gate/opening.glsl"

// Gradients of y * opening(z) with a logit per channel, shared by all rows:  dy = d opening(z),  dz = sum over rows of d y opening'(z).
// One invocation per chunk of rows and group of four channels. A logit of its own for every element is the case of one row and one chunk.
// y, d, dy: (rows, dim)   z: (dim)   dz: (chunks, dim) of type DZ_TYPE; dy and dz may be null
layout(constant_id = 3) const uint Z_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint DZ_TYPE = DTYPE_F32;
layout(push_constant) uniform Push { In y; In z; In d; Out dy; Out dz; uint rows, dim, chunks; } p;

void main() {
  const uint groups = (p.dim + 3) / 4, per_chunk = (p.rows + p.chunks - 1) / p.chunks;
  for (uint item = first_item(); item < p.chunks * groups; item += item_stride()) {
    const uint chunk = item / groups, i = item % groups;
    const vec4 z = fetch_as(Words(p.z), 0, p.dim, i, Z_TYPE), open = opening(z);
    vec4 sum = vec4(0.0);
    for (uint row = chunk * per_chunk; row < min((chunk + 1) * per_chunk, p.rows); ++row) {
      const vec4 d = fetch(p.d, row, p.dim, i);
      if (!is_null(p.dy)) put(p.dy, row, p.dim, i, d * open);
      sum += d * fetch(p.y, row, p.dim, i);
    }
    if (!is_null(p.dz)) put_as(Words(p.dz), chunk, p.dim, i, sum * opening_slope(z), DZ_TYPE);
  }
}
