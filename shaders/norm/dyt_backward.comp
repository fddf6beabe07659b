#version 460
#include "common/math.glsl"
#include "common/rows.glsl"

// Gradients of y = w * t (+ bias), t = tanh(alpha * x), plus the gradient that reached x another way (`add`, may be null):
//   dx = add + dy w (1 - t^2) alpha,   dw = sum dy t,   dbias = sum dy,   dalpha = sum dy w (1 - t^2) x
// One invocation per chunk of rows and group of four channels; partial sums of its rows, each may be null, as may dx.
// x, dy, add, dx: (rows, dim)   w: (dim)   alpha: (1)   dw, dbias: (chunks, dim)   dalpha: (chunks, groups)
layout(push_constant) uniform Push {
  In x; In dy; In add; InF32 w; InF32 alpha; Out dx; OutF32 dw; OutF32 dbias; OutF32 dalpha;
  uint rows, dim, chunks;
} p;

void main() {
  const uint groups = (p.dim + 3) / 4, per_chunk = (p.rows + p.chunks - 1) / p.chunks;
  const float alpha = p.alpha.at[0];
  for (uint item = first_item(); item < p.chunks * groups; item += item_stride()) {
    const uint chunk = item / groups, i = item % groups;
    const vec4 w = fetch_f32(p.w, 0, p.dim, i);
    vec4 dw = vec4(0.0), dbias = vec4(0.0);
    float dalpha = 0.0;
    for (uint row = chunk * per_chunk; row < min((chunk + 1) * per_chunk, p.rows); ++row) {
      const vec4 x = fetch(p.x, row, p.dim, i), dy = fetch(p.dy, row, p.dim, i), t = tanh_of(alpha * x), inner = dy * w * (1.0 - t * t);
      if (!is_null(p.dx)) put(p.dx, row, p.dim, i, inner * alpha + (is_null(p.add) ? vec4(0.0) : fetch(p.add, row, p.dim, i)));
      dw += dy * t;
      dbias += dy;
      dalpha += dot(inner, x);
    }
    if (!is_null(p.dw)) put_f32(p.dw, chunk, p.dim, i, dw);
    if (!is_null(p.dbias)) put_f32(p.dbias, chunk, p.dim, i, dbias);
    if (!is_null(p.dalpha)) p.dalpha.at[item] = dalpha;
  }
}
