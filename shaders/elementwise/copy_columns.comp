#version 460
#include "common/kernel.glsl"

// y[row, i] = x[row, i + shift], or 0 where x has no such column.   x: (rows, x_dim)   y: (rows, y_dim)
layout(push_constant) uniform Push { In x; Out y; uint rows, x_dim, y_dim; int shift; } p;

void main() {
  for (uint item = first_item(); item < p.rows * p.y_dim; item += item_stride()) {
    const uint row = item / p.y_dim;
    const int column = int(item % p.y_dim) + p.shift;
    store(p.y, item, column >= 0 && column < int(p.x_dim) ? load(p.x, row * p.x_dim + uint(column)) : 0.0);
  }
}
