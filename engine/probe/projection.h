// Points of many dimensions in two.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace ablate {

using Points = std::vector<std::vector<double>>;  ///< (n, d), n >= 1
using Plane = std::vector<std::array<double, 2>>;

struct Components {
  Plane points;
  std::array<double, 2> explained{};  ///< share of the variance along each, 0 to 1
};

/// The first two principal components. The sign of each is such that its largest loading is positive.
Components principal_components(const Points& points);

/// t-SNE (van der Maaten and Hinton 2008), exact, from the principal components: n^2 work a step, meant for a few hundred points. The same
/// points give the same plane. `perplexity` is lowered to what n points allow, (n - 1) / 3.
Plane tsne(const Points& points, double perplexity = 30, int steps = 500);

/// Singular values of the (n, d) matrix, largest first; not centred.
std::vector<double> singular_values(const Points& points);

}  // namespace ablate
