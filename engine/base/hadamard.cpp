#include "base/hadamard.h"

#include "base/error.h"
#include "base/random.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

struct PrimePower {
  std::size_t prime = 0, exponent = 0;
};

PrimePower prime_power(std::size_t q) {
  for (std::size_t p = 2; p <= q; ++p) {
    if (q % p != 0) continue;
    PrimePower result{p, 0};
    for (; q % p == 0; q /= p) ++result.exponent;
    return q == 1 ? result : PrimePower{};
  }
  return {};
}

/// The field of q elements, each a polynomial over the integers modulo p with its coefficients as the digits of a number.
class Field {
 public:
  explicit Field(std::size_t q) : q_(q), base_(prime_power(q)) {
    while (!walk()) ++polynomial_;
  }
  /// 1 of a square, -1 of another, 0 of 0.
  double character(std::size_t a) const { return character_[a]; }
  std::size_t difference(std::size_t a, std::size_t b) const {
    std::size_t result = 0;
    for (std::size_t place = 1; place < q_; place *= base_.prime)
      result += place * ((a / place % base_.prime + base_.prime - b / place % base_.prime) % base_.prime);
    return result;
  }

 private:
  /// a x, modulo x^exponent + polynomial_.
  std::size_t times_x(std::size_t a) const {
    const std::size_t top_place = q_ / base_.prime, top = a / top_place;
    std::size_t shifted = a % top_place * base_.prime, subtracted = 0;
    for (std::size_t place = 1; place < q_; place *= base_.prime)
      subtracted += place * (polynomial_ / place % base_.prime * top % base_.prime);
    return difference(shifted, subtracted);
  }
  /// Whether the powers of x are all elements but 0: then even ones are the squares.
  bool walk() {
    character_.assign(q_, 0.0);
    std::size_t power = 1;
    for (std::size_t i = 0; i + 1 < q_; ++i, power = times_x(power)) {
      if (power == 0 || character_[power] != 0) return false;
      character_[power] = i % 2 == 0 ? 1.0 : -1.0;
    }
    return true;
  }

  std::size_t q_;
  PrimePower base_;
  std::size_t polynomial_ = 1;
  std::vector<double> character_;
};

/// (q + 1, q + 1): 0 on the diagonal, a border of 1 (the left one `border`), and the character of differences.
std::vector<double> conference(std::size_t q, double border) {
  const Field field(q);
  const std::size_t n = q + 1;
  std::vector<double> c(n * n, 0.0);
  for (std::size_t i = 1; i < n; ++i) {
    c[i] = 1.0, c[i * n] = border;
    for (std::size_t j = 1; j < n; ++j) c[i * n + j] = field.character(field.difference(i - 1, j - 1));
  }
  return c;
}

bool is_prime_power(std::size_t q) { return prime_power(q).prime > 0; }

}  // namespace

std::vector<double> hadamard_core(std::size_t m) {
  if (m == 1) return {1.0};
  if (m % 4 == 0 && is_prime_power(m - 1)) {  // m - 1 = 4 j + 3
    std::vector<double> h = conference(m - 1, -1.0);
    for (std::size_t i = 0; i < m; ++i) h[i * m + i] = 1.0;
    return h;
  }
  const std::size_t half = m / 2;
  if (m % 4 != 0 || half % 4 != 2 || !is_prime_power(half - 1)) return {};
  const std::vector<double> c = conference(half - 1, 1.0);
  std::vector<double> h(m * m);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      const bool corner = i % 2 == 1 && j % 2 == 1, diagonal = i / 2 == j / 2;
      if (diagonal) h[i * m + j] = i % 2 == 0 && j % 2 == 0 ? 1.0 : -1.0;
      else h[i * m + j] = corner ? -c[i / 2 * half + j / 2] : c[i / 2 * half + j / 2];
    }
  return h;
}

HadamardFactors hadamard_factors(std::size_t n, const char* where) {
  HadamardFactors factors;
  std::size_t powers = 1;
  while (n % (2 * powers) == 0) powers *= 2;
  for (; powers > 0 && factors.core.empty(); powers /= 2) factors = {powers, n / powers, hadamard_core(n / powers)};
  require(!factors.core.empty(),
          "{}: there is no known Hadamard matrix of {} = 2^k (q + 1) rows with a prime power q, nor one of Paley's second kind", where, n);
  return factors;
}

HadamardRotation::HadamardRotation(std::size_t n, std::uint64_t seed, const char* where) : signs_(n) {
  HadamardFactors factors = hadamard_factors(n, where);
  core_ = std::move(factors.core), order_ = factors.order;
  const CounterRandom random(seed, "hadamard signs");
  for (std::size_t i = 0; i < n; ++i) signs_[i] = random.below(i, 2) == 0 ? 1.0 : -1.0;
}

void HadamardRotation::turn(std::span<double> x) const {
  const std::size_t n = size();
  for (std::size_t i = 0; i < n; ++i) x[i] *= signs_[i] / std::sqrt(static_cast<double>(n));
  for (std::size_t apart = order_; apart < n; apart *= 2)
    for (std::size_t i = 0; i < n; ++i)
      if (i / apart % 2 == 0) {
        const double a = x[i], b = x[i + apart];
        x[i] = a + b, x[i + apart] = a - b;
      }
  if (order_ == 1) return;
  std::vector<double> block(order_);
  for (std::size_t first = 0; first < n; first += order_) {
    for (std::size_t i = 0; i < order_; ++i) {
      block[i] = 0;
      for (std::size_t j = 0; j < order_; ++j) block[i] += core_[i * order_ + j] * x[first + j];
    }
    std::copy(block.begin(), block.end(), x.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

}  // namespace ablate
