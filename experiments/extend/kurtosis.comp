#include "user/statistic.glsl"
// mean((x - mean)^4) / mean((x - mean)^2)^2 over the channels
float forward() {
  float sum = 0.0, squares = 0.0, fourths = 0.0;
  for_channels(i) sum += x(i);
  const float mean = row_sum(sum) / float(channels());
  for_channels(i) {
    const float square = sq(x(i) - mean);
    squares += square;
    fourths += sq(square);
  }
  squares = row_sum(squares) / float(channels());
  return row_sum(fourths) / float(channels()) / sq(squares);
}
