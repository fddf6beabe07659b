#version 460
#include "user/statistic.glsl"
#include "user/functions/statistic.glsl"

// A statistic of the user's, one workgroup per row.
void main() {
  for (row_ = first_row(); row_ < p.rows; row_ += row_stride()) {
    const float value = forward();
    if (lane() == 0) p.y.at[row_] = value;
  }
}
