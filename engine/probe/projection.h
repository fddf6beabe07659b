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

/// The singular values of any number of rows, from the products of their columns: those below 1e-8 of the largest are rounding.
class GramMatrix {
 public:
  void add(const std::vector<double>& row);
  std::size_t count() const { return count_; }
  /// As many as there are rows or columns, whichever are fewer, largest first; not centred.
  std::vector<double> singular_values() const;

 private:
  std::size_t count_ = 0;
  std::vector<std::vector<double>> products_;  // (d, d), the lower triangle
};

}  // namespace ablate
