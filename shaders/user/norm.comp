#version 460
#include "user/norm.glsl"
#include "user/functions/norm.glsl"

// A norm of the user's, one workgroup per row.
void main() {
  for (row_ = first_row(); row_ < p.rows; row_ += row_stride()) forward();
}
