#include "base/random.h"

#include "base/file.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

namespace ablate {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  const auto words = r123::Philox4x32()({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
  return {words[0], words[1], words[2], words[3]};
}

CounterRandom::CounterRandom(std::uint64_t seed, std::string_view name) : CounterRandom(seed, hash_text(name)) {}

namespace {

std::uint64_t join(std::uint32_t low, std::uint32_t high) { return (static_cast<std::uint64_t>(high) << 32) | low; }

/// Two words for one counter.
std::array<std::uint64_t, 2> draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  const auto words = philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), static_cast<std::uint32_t>(stream),
                             static_cast<std::uint32_t>(stream >> 32)},
                            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return {join(words[0], words[1]), join(words[2], words[3])};
}

}  // namespace

std::uint64_t CounterRandom::bits(std::uint64_t index) const { return draw(seed_, stream_, index / 2)[index % 2]; }

double CounterRandom::uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }

std::uint64_t CounterRandom::below(std::uint64_t index, std::uint64_t count) const {
  // The high half of bits * count, without a 128-bit type (MSVC has none).
  const std::uint64_t x = bits(index), low = (x & 0xffffffffu), high = x >> 32, c0 = count & 0xffffffffu, c1 = count >> 32;
  const std::uint64_t middle = high * c0 + ((low * c0) >> 32), cross = low * c1 + (middle & 0xffffffffu);
  return high * c1 + (middle >> 32) + (cross >> 32);
}

double CounterRandom::normal(std::uint64_t index) const {
  const auto [a, b] = draw(seed_, stream_, index / 2);
  const double radius = std::sqrt(-2.0 * std::log((static_cast<double>(a >> 11) + 1.0) * 0x1p-53));  // (0, 1]: the logarithm is finite
  const double angle = 2.0 * std::numbers::pi * static_cast<double>(b >> 11) * 0x1p-53;
  return index % 2 == 0 ? radius * std::cos(angle) : radius * std::sin(angle);
}

}  // namespace ablate
