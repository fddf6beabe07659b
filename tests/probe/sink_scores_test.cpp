#include "probe/sink_scores.h"

#include <doctest/doctest.h>

using namespace ablate;

TEST_CASE("the strongest and the weakest head do not hang on rounding") {
  const std::vector<SinkScores::Head> heads = {{0, 0, 0.5}, {0, 1, 0.99998}, {1, 0, 0.02}, {1, 1, 1.0}, {2, 0, 0.0199997}, {2, 1, 0.0201}};
  CHECK(SinkScores::strongest(heads).head == 1);
  CHECK(SinkScores::strongest(heads).layer == 0);
  CHECK(SinkScores::weakest(heads).layer == 1);
  CHECK(SinkScores::weakest(heads).head == 0);
}

TEST_CASE("heads that differ by more than rounding are told apart") {
  const std::vector<SinkScores::Head> heads = {{0, 0, 0.999}, {0, 1, 0.0100}, {1, 0, 1.0}, {1, 1, 0.0099}};
  CHECK(SinkScores::strongest(heads).layer == 1);
  CHECK(SinkScores::weakest(heads).layer == 1);
  CHECK(SinkScores::weakest(heads).head == 1);
}
