#include "probe/quadratic_form.h"

#include "ops/matmul.h"
#include "ops/multiply.h"

#include <Spectra/SymEigsSolver.h>
#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ablate {
namespace {

using Vector = Eigen::VectorXd;
using FloatRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void scale_columns(std::vector<float>& matrix, const std::vector<float>& factors) {
  for (std::size_t i = 0; i < matrix.size(); ++i) matrix[i] *= factors[i % factors.size()];
}

// `count` feed-forwards of so many neurons, whose matrices lie below each other.
void append(std::vector<FoldedFeedForward>& all, const Weights& weights, const std::string& prefix, int neurons, int count) {
  const std::vector<float> gate = weights.read(prefix + "gate_proj.weight"), up = weights.read(prefix + "up_proj.weight"),
                           down = weights.read(prefix + "down_proj.weight");
  const auto each = static_cast<std::ptrdiff_t>(gate.size()) / count;
  const auto part = [&](const std::vector<float>& matrix, int i) {
    return std::vector<float>(matrix.begin() + i * each, matrix.begin() + (i + 1) * each);
  };
  for (int i = 0; i < count; ++i)
    all.push_back({static_cast<std::uint32_t>(neurons), static_cast<std::uint32_t>(weights.config().d_model), part(gate, i), part(up, i),
                   part(down, i)});
}

// What Spectra asks of a matrix: row by row in double, so that f32 entries need no copy.
struct RowProduct {
  using Scalar = double;
  Eigen::Map<const FloatRows> matrix;

  Eigen::Index rows() const { return matrix.rows(); }
  Eigen::Index cols() const { return matrix.cols(); }
  void perform_op(const double* x, double* y) const {
    const Eigen::Map<const Vector> v(x, cols());
    for (Eigen::Index i = 0; i < rows(); ++i) y[i] = matrix.row(i).cast<double>().dot(v);
  }
  double squares() const {
    double sum = 0;
    for (Eigen::Index i = 0; i < rows(); ++i) sum += matrix.row(i).cast<double>().squaredNorm();
    return sum;
  }
};

// Eigenvalues sorted by magnitude; `lift` turns an eigenvector's column number into a vector of the whole space.
template <class Lift>
Spectrum sorted(const Vector& values, double squares, std::uint32_t count, const Lift& lift) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return std::abs(values[a]) > std::abs(values[b]); });
  Spectrum result;
  for (std::size_t i = 0; i < std::min<std::size_t>(count, order.size()); ++i) result.eigenvalues.push_back(values[order[i]]);
  const Vector leading = lift(order[0]).normalized();
  result.leading.assign(leading.begin(), leading.end());
  result.share = squares > 0 ? values[order[0]] * values[order[0]] / squares : std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace

std::vector<FoldedFeedForward> FoldedFeedForward::of(const Weights& weights, int layer) {
  const TransformerConfig& config = weights.config();
  const std::string& kind = config.ffn[layer];
  const bool gated = kind == "swiglu" || kind == "geglu" || kind == "geglu_tanh" || kind == "experts";
  require(gated, "quadratic forms are those of SwiGLU and GeGLU, which multiply two linear maps of their input; this model's ffn is {}",
          kind);
  const std::string prefix = "model.layers." + std::to_string(layer) + ".", mlp = prefix + "mlp.";
  std::vector<FoldedFeedForward> all;
  if (kind != "experts") {
    append(all, weights, mlp, config.d_ffn[layer], 1);
  } else {
    append(all, weights, mlp + "experts.", config.d_ffn[layer], config.n_experts);
    if (config.d_shared_expert > 0) append(all, weights, mlp + "shared_expert.", config.d_shared_expert, 1);
  }
  const std::string norm = prefix + "post_attention_layernorm.weight";
  const auto& entries = weights.entries();
  if (std::none_of(entries.begin(), entries.end(), [&](const Weights::Entry& entry) { return entry.spec.name == norm; })) return all;
  std::vector<float> factors = weights.read(norm);
  if (config.norm == "rmsnorm_plus_one")
    for (float& factor : factors) factor += 1.0f;
  for (FoldedFeedForward& ffn : all) scale_columns(ffn.gate, factors), scale_columns(ffn.up, factors);
  return all;
}

std::vector<double> form_norms(Pipelines& pipelines, const FoldedFeedForward& ffn, std::uint32_t rows) {
  Graph graph(pipelines.device().caps());
  const Tensor gate = graph.input("gate", {ffn.neurons, ffn.channels}, DType::f32), up = graph.input("up", gate.shape, DType::f32);
  const Tensor down = graph.input("down", {ffn.channels, ffn.neurons}, DType::f32);
  const Tensor sums = graph.keep(graph.tensor({ffn.neurons, ffn.channels}, DType::f32));  // ((G G^T) o (U U^T)) D^T
  for (std::uint32_t first = 0; first < ffn.neurons; first += rows) {
    const std::uint32_t count = std::min(rows, ffn.neurons - first);
    const Tensor gates = matmul(graph, graph.slice(gate, first, count), gate, Layout::nt),
                 ups = matmul(graph, graph.slice(up, first, count), up, Layout::nt);
    matmul(graph, multiply(graph, gates, ups), down, Layout::nt, {.into = graph.slice(sums, first, count)});
  }
  Executor executor(pipelines, graph);
  executor.write_floats(gate, ffn.gate);
  executor.write_floats(up, ffn.up);
  executor.write_floats(down, ffn.down);
  executor.run();
  const std::vector<float> values = executor.read_floats(sums);
  std::vector<double> norms(ffn.channels);
  for (std::size_t j = 0; j < ffn.neurons; ++j)
    for (std::size_t k = 0; k < ffn.channels; ++k)
      norms[k] += static_cast<double>(ffn.down[k * ffn.neurons + j]) * static_cast<double>(values[j * ffn.channels + k]);
  for (double& norm : norms) norm = std::sqrt(std::max(0.0, norm));  // rounding may leave a zero form slightly negative
  return norms;
}

std::vector<float> symmetric_form(Pipelines& pipelines, const FoldedFeedForward& ffn, std::uint32_t channel) {
  Graph graph(pipelines.device().caps());
  const Tensor gate = graph.input("gate", {ffn.neurons, ffn.channels}, DType::f32), up = graph.input("up", gate.shape, DType::f32);
  const Tensor form = graph.keep(matmul(graph, gate, up, Layout::tn));
  std::vector<float> weighted = ffn.gate;
  for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= ffn.down[std::size_t{channel} * ffn.neurons + i / ffn.channels];
  Executor executor(pipelines, graph);
  executor.write_floats(gate, weighted);
  executor.write_floats(up, ffn.up);
  executor.run();
  const std::vector<float> u = executor.read_floats(form);
  std::vector<float> s(u.size());
  for (std::size_t i = 0; i < ffn.channels; ++i)
    for (std::size_t j = 0; j < ffn.channels; ++j) s[i * ffn.channels + j] = 0.5f * (u[i * ffn.channels + j] + u[j * ffn.channels + i]);
  return s;
}

Spectrum spectrum(std::span<const float> matrix, std::uint32_t n, std::uint32_t count) {
  return n > 1024 ? lanczos_spectrum(matrix, n, count) : exact_spectrum(matrix, n, count);
}

Spectrum exact_spectrum(std::span<const float> matrix, std::uint32_t n, std::uint32_t count) {
  const Eigen::MatrixXd s = Eigen::Map<const FloatRows>(matrix.data(), n, n).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(s);
  return sorted(solver.eigenvalues(), s.squaredNorm(), count, [&](Eigen::Index i) -> Vector { return solver.eigenvectors().col(i); });
}

Spectrum lanczos_spectrum(std::span<const float> matrix, std::uint32_t n, std::uint32_t count) {
  constexpr double tolerance = 1e-7;  // of f32 entries; the error of an eigenvalue is of its square
  RowProduct product{{matrix.data(), n, n}};
  const Eigen::Index wanted = std::min<Eigen::Index>(count, Eigen::Index{n} - 1);
  Spectra::SymEigsSolver<RowProduct> solver(product, wanted, std::min<Eigen::Index>(n, 3 * wanted + 60));
  solver.init();
  solver.compute(Spectra::SortRule::LargestMagn, 300, tolerance);
  if (solver.info() != Spectra::CompInfo::Successful) return exact_spectrum(matrix, n, count);  // wanted ones lie too close together
  return sorted(solver.eigenvalues(), product.squares(), count, [&](Eigen::Index i) -> Vector { return solver.eigenvectors().col(i); });
}

}  // namespace ablate
