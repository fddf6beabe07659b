#include "probe/quadratic_form.h"

#include "base/random.h"
#include "support/device.h"

#include <doctest/doctest.h>
#include <Eigen/Dense>

#include <cmath>

using namespace ablate;

namespace {

FoldedFeedForward random_feed_forward(std::uint32_t neurons, std::uint32_t channels) {
  FoldedFeedForward ffn{neurons, channels, {}, {}, {}};
  const CounterRandom random(3, "feed-forward");
  std::uint64_t n = 0;
  for (auto* matrix : {&ffn.gate, &ffn.up, &ffn.down})
    for (std::size_t i = 0; i < std::size_t{neurons} * channels; ++i) matrix->push_back(static_cast<float>(random.normal(n++)));
  return ffn;
}

using FloatRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// U_k in double, from its definition.
Eigen::MatrixXd form(const FoldedFeedForward& ffn, std::uint32_t k) {
  const auto rows = [&](const std::vector<float>& m) {
    return Eigen::Map<const FloatRows>(m.data(), ffn.neurons, ffn.channels).cast<double>().eval();
  };
  const Eigen::VectorXd d = Eigen::Map<const Eigen::VectorXf>(&ffn.down[std::size_t{k} * ffn.neurons], ffn.neurons).cast<double>();
  return rows(ffn.gate).transpose() * d.asDiagonal() * rows(ffn.up);
}

}  // namespace

TEST_CASE("norms of quadratic forms by the trace identity are those of the matrices") {
  for (const auto& [neurons, channels] : {std::pair{1u, 1u}, {7u, 5u}, {90u, 33u}}) {
    const FoldedFeedForward ffn = random_feed_forward(neurons, channels);
    const std::vector<double> norms = form_norms(test::pipelines(), ffn, 32);
    REQUIRE(norms.size() == channels);
    // The squared norm is a sum of neurons^2 terms of both signs, each rounded a few times in f32 (2^-24): with the sum of magnitudes at
    // most about neurons times the result, 90 * 4 * 6e-8 = 2e-5.
    for (std::uint32_t k = 0; k < channels; ++k) CHECK(norms[k] == doctest::Approx(form(ffn, k).norm()).epsilon(2e-5));
  }
}

TEST_CASE("the symmetric form and its spectrum") {
  const FoldedFeedForward ffn = random_feed_forward(50, 24);
  const std::vector<float> s = symmetric_form(test::pipelines(), ffn, 7);
  const Eigen::MatrixXd u = form(ffn, 7), expected = (u + u.transpose()) / 2;
  // Sums of 50 products of about unit size in f32.
  for (int i = 0; i < 24; ++i)
    for (int j = 0; j < 24; ++j)
      CHECK(static_cast<double>(s[static_cast<std::size_t>(i * 24 + j)]) == doctest::Approx(expected(i, j)).epsilon(1e-5).scale(50));
  const Spectrum found = spectrum(s, 24, 24);
  REQUIRE(found.eigenvalues.size() == 24);
  double sum = 0, squares = 0;
  for (const double value : found.eigenvalues) sum += value, squares += value * value;
  CHECK(sum == doctest::Approx(expected.trace()).epsilon(1e-4));
  CHECK(found.share == doctest::Approx(found.eigenvalues[0] * found.eigenvalues[0] / squares).epsilon(1e-6));
  const Eigen::Map<const Eigen::VectorXd> leading(found.leading.data(), 24);
  CHECK((expected * leading - found.eigenvalues[0] * leading).norm() < 1e-3 * std::abs(found.eigenvalues[0]));
}

TEST_CASE("Lanczos finds the outermost eigenvalues of a matrix that the exact solver knows") {
  const FoldedFeedForward ffn = random_feed_forward(100, 300);  // rank 200 at most
  const std::vector<float> s = symmetric_form(test::pipelines(), ffn, 11);
  const Spectrum exact = spectrum(s, 300, 8), found = lanczos_spectrum(s, 300, 8);
  for (std::size_t i = 0; i < 4; ++i) CHECK(found.eigenvalues[i] == doctest::Approx(exact.eigenvalues[i]).epsilon(1e-4));
  CHECK(found.share == doctest::Approx(exact.share).epsilon(1e-4));
  double cosine = 0;
  for (std::size_t i = 0; i < 300; ++i) cosine += found.leading[i] * exact.leading[i];
  CHECK(std::abs(cosine) == doctest::Approx(1).epsilon(1e-4));
  // A form of one neuron has rank two: Lanczos must stop there.
  const Spectrum small = lanczos_spectrum(symmetric_form(test::pipelines(), random_feed_forward(1, 40), 0), 40, 8);
  CHECK(small.eigenvalues.size() >= 2);
  CHECK(std::abs(small.eigenvalues[0] * small.eigenvalues[1]) > 0);
}
