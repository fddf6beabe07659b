// A weight matrix that may lie in several allocations.
#pragma once

#include "graph/graph.h"

#include <cstdint>
#include <numeric>
#include <vector>

namespace ablate {

/// (N, K): whole, or cut into parts of its rows, one below the other, where one allocation or a kernel's indices cannot hold it.
struct Matrix {
  std::vector<Tensor> parts;  ///< (rows, K) each, of one type; at least one

  Matrix(Tensor whole) : parts{std::move(whole)} {}
  explicit Matrix(std::vector<Tensor> rows) : parts(std::move(rows)) {}

  bool whole() const { return parts.size() == 1; }
  DType dtype() const { return parts.front().dtype; }
  bool is_matrix() const { return parts.front().shape.size() == 2; }
  std::uint64_t rows() const {
    return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                           [](std::uint64_t n, const Tensor& part) { return n + part.dim(0); });
  }
  std::uint32_t columns() const { return parts.front().dim(1); }
};

inline std::string to_string(const Matrix& m) {
  return m.whole() ? to_string(m.parts.front().shape) : fmt::format("({}, {}) in {} parts", m.rows(), m.columns(), m.parts.size());
}

}  // namespace ablate
