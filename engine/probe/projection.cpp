#include "probe/projection.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ablate {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

Matrix to_matrix(const Points& points) {
  Matrix m(static_cast<Eigen::Index>(points.size()), static_cast<Eigen::Index>(points[0].size()));
  for (Eigen::Index i = 0; i < m.rows(); ++i)
    for (Eigen::Index j = 0; j < m.cols(); ++j) m(i, j) = points[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  return m;
}

Matrix squared_distances(const Matrix& x) {
  const Vector squares = x.rowwise().squaredNorm();
  Matrix d = -2 * x * x.transpose();
  d.colwise() += squares;
  d.rowwise() += squares.transpose();
  d = d.cwiseMax(0);
  d.diagonal().setZero();
  return d;
}

// Probabilities of point i's neighbours, with the precision that gives them the wanted entropy.
Vector neighbours(const Vector& distances, Eigen::Index i, double entropy) {
  double beta = 1 / std::max(distances.mean(), 1e-200), low = 0, high = 0;  // finite after 60 doublings, even where all points coincide
  Vector p;
  for (int step = 0; step < 60; ++step) {
    double nearest = std::numeric_limits<double>::infinity();
    for (Eigen::Index j = 0; j < distances.size(); ++j)
      if (j != i) nearest = std::min(nearest, distances[j]);
    p = (-(distances.array() - nearest) * beta).exp();
    p[i] = 0;
    const double sum = p.sum();
    p /= sum;
    const double found = std::log(sum) + beta * (p.dot(distances) - nearest);
    if (std::abs(found - entropy) < 1e-6) break;
    (found > entropy ? low : high) = beta;
    beta = high == 0 ? beta * 2 : (low + high) / 2;
  }
  return p;
}

Matrix joint_probabilities(const Matrix& x, double perplexity) {
  const Matrix distances = squared_distances(x);
  const Eigen::Index n = x.rows();
  Matrix p(n, n);
  for (Eigen::Index i = 0; i < n; ++i) p.row(i) = neighbours(distances.col(i), i, std::log(perplexity)).transpose();
  const Matrix both = (p + p.transpose()) / (2.0 * static_cast<double>(n));
  return both.cwiseMax(1e-12);
}

}  // namespace

Components principal_components(const Points& points) {
  Matrix x = to_matrix(points);
  x.rowwise() -= x.colwise().mean().eval();
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(x.transpose() * x);  // ascending eigenvalues
  const double all = std::max(solver.eigenvalues().sum(), 1e-300);
  Components result;
  result.points.resize(points.size());
  for (std::size_t c = 0; c < std::min<std::size_t>(2, points[0].size()); ++c) {
    const Eigen::Index column = x.cols() - 1 - static_cast<Eigen::Index>(c);
    Vector direction = solver.eigenvectors().col(column);
    Eigen::Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction[largest] < 0) direction = -direction;
    const Vector along = x * direction;
    for (std::size_t i = 0; i < points.size(); ++i) result.points[i][c] = along[static_cast<Eigen::Index>(i)];
    result.explained[c] = std::max(0.0, solver.eigenvalues()[column]) / all;
  }
  return result;
}

Plane tsne(const Points& points, double perplexity, int steps) {
  const Components start = principal_components(points);
  const auto n = static_cast<Eigen::Index>(points.size());
  if (n < 4) return start.points;
  const Matrix p = joint_probabilities(to_matrix(points), std::min(perplexity, static_cast<double>(n - 1) / 3));
  Matrix y(n, 2), velocity = Matrix::Zero(n, 2), gains = Matrix::Ones(n, 2);
  for (Eigen::Index i = 0; i < n; ++i)
    y.row(i) << start.points[static_cast<std::size_t>(i)][0], start.points[static_cast<std::size_t>(i)][1];
  const double spread = std::sqrt(y.col(0).squaredNorm() / static_cast<double>(n));
  if (spread > 0) y *= 1e-4 / spread;
  // Points that coincide would never part.
  for (Eigen::Index i = 0; i < n; ++i)
    y.row(i) += 1e-6 * Eigen::RowVector2d(std::cos(static_cast<double>(i)), std::sin(static_cast<double>(i)));
  const double rate = std::max(static_cast<double>(n) / 12.0, 50.0);  // n / early exaggeration (Belkina et al. 2019)
  for (int step = 0; step < steps; ++step) {
    const double exaggeration = step < steps / 4 ? 12 : 1, momentum = step < steps / 4 ? 0.5 : 0.8;
    Matrix weight = (1 + squared_distances(y).array()).inverse();
    weight.diagonal().setZero();
    const Matrix force = (exaggeration * p - weight / weight.sum()).cwiseProduct(weight);
    const Matrix gradient = 4 * (Matrix(force.rowwise().sum().asDiagonal()) - force) * y;
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      double& gain = gains.data()[i];
      gain = gradient.data()[i] * velocity.data()[i] < 0 ? gain + 0.2 : std::max(0.01, gain * 0.8);
    }
    velocity = momentum * velocity - rate * gains.cwiseProduct(gradient);
    y += velocity;
    y.rowwise() -= y.colwise().mean().eval();
  }
  Plane plane(points.size());
  for (Eigen::Index i = 0; i < n; ++i) plane[static_cast<std::size_t>(i)] = {y(i, 0), y(i, 1)};
  return plane;
}

void GramMatrix::add(const std::vector<double>& row) {
  products_.resize(row.size(), std::vector<double>(row.size()));
  for (std::size_t i = 0; i < row.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j) products_[i][j] += row[i] * row[j];
  ++count_;
}

std::vector<double> GramMatrix::singular_values() const {
  if (count_ == 0) return {};
  const Vector squares = Eigen::SelfAdjointEigenSolver<Matrix>(to_matrix(products_), Eigen::EigenvaluesOnly).eigenvalues();  // ascending
  std::vector<double> values;
  for (Eigen::Index i = squares.size(); i-- > 0 && values.size() < count_;) values.push_back(std::sqrt(std::max(squares[i], 0.0)));
  return values;
}

}  // namespace ablate
