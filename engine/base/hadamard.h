// Hadamard matrices: orthogonal, all entries of one size, so that what stood in one channel is spread over all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ablate {

/// x -> H diag(signs) x / sqrt(n): a Hadamard matrix of order n = 2^k m (Sylvester's of order 2^k times one of order m) after random signs, as QuaRot has it
/// (Ashkboos et al. 2024, arXiv 2404.00456). That of order m is 1, or Paley's: of order q + 1 for a prime power q of the form 4 j + 3, of order 2 (q + 1) for one
/// of the form 4 j + 1 (Paley 1933).
class HadamardRotation {
 public:
  /// Signs of a seed. Throws InputError "where: ..." for an n that no such product gives (of multiples of 4 below 256: 92, 116, 156, 172, 184, 188, 232, 236).
  HadamardRotation(std::size_t n, std::uint64_t seed, const char* where);

  std::size_t size() const { return signs_.size(); }
  /// In place, in double precision.
  void turn(std::span<double> x) const;

 private:
  std::vector<double> signs_;
  std::vector<double> core_;  // (m, m)
  std::size_t order_ = 1;     // m
};

/// A Hadamard matrix as the product of Sylvester's of order `powers`, a power of 2, and one of order `order`, which stands beside it: entry (i, j) is that of
/// (i / order, j / order) times that of (i % order, j % order). Throws as above.
struct HadamardFactors {
  std::size_t powers = 1, order = 1;
  std::vector<double> core{};  ///< (order, order)
};
HadamardFactors hadamard_factors(std::size_t n, const char* where);

/// Paley's matrix, or (1): entries 1 and -1, (m, m), rows orthogonal; empty where there is none of order m.
std::vector<double> hadamard_core(std::size_t m);

}  // namespace ablate
