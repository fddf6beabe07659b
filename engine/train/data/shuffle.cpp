#include "train/data/shuffle.h"

#include "base/file.h"
#include "base/random.h"

#include <bit>

namespace ablate {
namespace {

constexpr int passes = 6;

std::uint64_t feistel(std::uint64_t value, int half_bits, const CounterRandom& random) {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits) - 1;
  std::uint64_t left = value >> half_bits, right = value & mask;
  for (std::uint64_t pass = 0; pass < passes; ++pass) {
    const std::uint64_t next = left ^ (random.bits(pass << 32 | right) & mask);
    left = right, right = next;
  }
  return left << half_bits | right;
}

}  // namespace

std::uint64_t shuffled(std::uint64_t place, std::uint64_t count, std::uint64_t seed, std::uint64_t round) {
  if (count <= 1) return 0;
  const CounterRandom random(seed, hash_text("shuffle") + round);
  const int half_bits = (static_cast<int>(std::bit_width(count - 1)) + 1) / 2;
  do place = feistel(place, half_bits, random);
  while (place >= count);
  return place;
}

}  // namespace ablate
