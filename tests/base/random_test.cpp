#include "base/random.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;

TEST_CASE("philox gives the published words (Random123's known answers)") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normal numbers have the moments of a normal distribution, and streams differ") {
  const CounterRandom random(7, "weights"), other(7, "more weights");
  const int n = 200'000;
  double sum = 0, square = 0, fourth = 0, product = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal(i);
    sum += x, square += x * x, fourth += x * x * x * x, product += x * other.normal(i);
  }
  // Five standard deviations of each mean: the variances of x, x^2, x^4 and xy are 1, 2, 96 and 1.
  CHECK(std::abs(sum / n) < 5 / std::sqrt(n));
  CHECK(std::abs(square / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(fourth / n - 3) < 5 * std::sqrt(96.0 / n));
  CHECK(std::abs(product / n) < 5 / std::sqrt(n));
}

TEST_CASE("numbers below a bound stay below it and are spread evenly") {
  const CounterRandom random(1, 2);
  std::array<int, 7> counts{};
  const int n = 70'000;
  for (int i = 0; i < n; ++i) ++counts.at(random.below(i, counts.size()));
  for (const int count : counts) CHECK(std::abs(count - n / 7) < 5 * std::sqrt(n / 7));
  CHECK(random.below(0, 1) == 0);
  CHECK(random.below(3, 1ull << 63) == random.bits(3) / 2);  // exact: the bound is a power of two
}
