#include "probe/projection.h"

#include "base/random.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;

TEST_CASE("principal components of points on a line and beside it") {
  // Along (3, 4) / 5 with coordinate t, and across it with +-1: the first component is t - mean, the second the sign.
  Points points;
  for (int t = 0; t < 40; ++t) {
    const double along = t, across = t % 4 < 2 ? 0.5 : -0.5;
    points.push_back({0.6 * along - 0.8 * across + 10, 0.8 * along + 0.6 * across - 3, 7});
  }
  const Components found = principal_components(points);
  for (std::size_t t = 0; t < 40; ++t) CHECK(found.points[t][0] == doctest::Approx(static_cast<double>(t) - 19.5).epsilon(0.01).scale(1));
  const double all = (40.0 * 40 - 1) / 12 + 0.25;
  CHECK(found.explained[1] == doctest::Approx(0.25 / all).epsilon(0.05));
  CHECK(found.explained[0] + found.explained[1] == doctest::Approx(1).epsilon(1e-12));
}

TEST_CASE("singular values") {
  GramMatrix matrix;
  CHECK(matrix.singular_values().empty());
  matrix.add({3, 0});
  CHECK(matrix.singular_values().size() == 1);
  for (const std::vector<double>& row : {std::vector<double>{0, -5}, {0, 0}}) matrix.add(row);
  const std::vector<double> values = matrix.singular_values();
  CHECK(matrix.count() == 3);
  REQUIRE(values.size() == 2);
  CHECK(values[0] == doctest::Approx(5).epsilon(1e-12));
  CHECK(values[1] == doctest::Approx(3).epsilon(1e-12));
}

TEST_CASE("t-SNE keeps clusters together and apart from each other") {
  const CounterRandom random(5, "clusters");
  Points points;
  for (std::uint64_t i = 0; i < 90; ++i) {
    std::vector<double> point;
    for (std::uint64_t c = 0; c < 10; ++c) point.push_back(random.normal(i * 10 + c) + (c == i % 3 ? 20.0 : 0.0));
    points.push_back(point);
  }
  const Plane plane = tsne(points, 15);
  REQUIRE(plane.size() == 90);
  // Every point's nearest neighbour is of its own cluster.
  for (std::size_t i = 0; i < 90; ++i) {
    std::size_t nearest = i == 0 ? 1 : 0;
    const auto distance = [&](std::size_t j) { return std::hypot(plane[i][0] - plane[j][0], plane[i][1] - plane[j][1]); };
    for (std::size_t j = 0; j < 90; ++j)
      if (j != i && distance(j) < distance(nearest)) nearest = j;
    CHECK(std::isfinite(plane[i][0]));
    CHECK(nearest % 3 == i % 3);
  }
  CHECK(tsne(points, 15) == plane);
  // Points that coincide, and very few of them, do no harm.
  for (const auto& [x, y] : tsne(Points(20, {1.0, 2.0}))) CHECK((std::isfinite(x) && std::isfinite(y)));
  CHECK(tsne({{1, 2}}).size() == 1);
}
