// Random numbers as a pure function of (seed, stream, index): no state to save, no order to keep, the same on every system.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ablate {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four random words from a 128-bit counter and a 64-bit
/// key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// One stream of a seed. Two streams of a seed, and two seeds, are independent.
class CounterRandom {
 public:
  CounterRandom(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}
  /// The stream of a name (a tensor, a purpose).
  CounterRandom(std::uint64_t seed, std::string_view name);

  std::uint64_t bits(std::uint64_t index) const;
  /// In [0, 1), 53 bits.
  double uniform(std::uint64_t index) const;
  /// In 0 .. count-1; the bias is below count / 2^64.
  std::uint64_t below(std::uint64_t index, std::uint64_t count) const;
  /// Standard normal, by Box-Muller in double; elements 2i and 2i+1 come from one draw.
  double normal(std::uint64_t index) const;

 private:
  std::uint64_t seed_, stream_;
};

}  // namespace ablate
