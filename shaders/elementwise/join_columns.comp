#version 460
#include "common/kernel.glsl"

// y[row, first + i] = x[row, i].   x: (rows, x_dim)   y: (rows, y_dim), whose other columns stay
layout(push_constant) uniform Push { In x; Out y; uint rows, x_dim, y_dim, first; } p;

void main() {
  for (uint item = first_item(); item < p.rows * p.x_dim; item += item_stride())
    store(p.y, item / p.x_dim * p.y_dim + p.first + item % p.x_dim, load(p.x, item));
}
