// Drives an op through its proofs. The reference is one readable function for any scalar type; run in double it is the expected value, run
// on the tape of var.h it is the expected gradient. The tape is checked against finite differences in double, the device against the tape,
// element by element.
#pragma once

#include "base/dtype.h"
#include "graph/graph.h"
#include "support/var.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ablate::test {

/// A row-major array of any scalar type.
template <class S>
struct Array {
  Shape shape;
  std::vector<S> data;

  Array() = default;
  explicit Array(Shape s, S value = S(0)) : shape(std::move(s)), data(size_of(shape), value) {}
  template <class... I>
  S& operator()(I... index) {
    return data[at(index...)];
  }
  template <class... I>
  const S& operator()(I... index) const {
    return data[at(index...)];
  }

 private:
  template <class... I>
  std::size_t at(I... index) const {
    std::size_t flat = 0, d = 0;
    ((flat = flat * shape[d++] + static_cast<std::size_t>(index)), ...);
    return flat;
  }
};

struct OpInput {
  Shape shape;
  DType dtype = DType::f32;
  bool differentiable = true;
  double scale = 1.0;                         ///< standard deviation of the random values
  std::function<double(std::size_t)> fill{};  ///< instead of random values; also how integer inputs get theirs
};

struct OpTolerance {
  double value = 1e-5;        ///< |error| <= value * max(|expected|, rms(expected), floor), element by element
  double gradient = 1e-5;     ///< the same for gradients
  double floor = 0;           ///< size of the terms that cancel in the result, where they are larger than it
  double gradient_floor = 0;  ///< the same for gradients only
};

template <class S>
using OpReference = std::function<Array<S>(const std::vector<Array<S>>&)>;
using OpBuild = std::function<Tensor(Graph&, const std::vector<Tensor>&)>;

struct OpCheck {
  std::string name;
  std::vector<OpInput> inputs;
  OpReference<double> value;
  OpReference<Var> gradient;
  OpBuild build;
  OpTolerance tolerance;
  std::uint64_t seed = 1;
};

/// Checks value and, unless no input is differentiable, gradients. Skips by name a type the device cannot store.
void run_check(const OpCheck& check);

/// `reference` is a generic lambda (const std::vector<Array<S>>&) -> Array<S>.
template <class Reference>
void check_op(const std::string& name, std::vector<OpInput> inputs, Reference reference, OpBuild build, OpTolerance tolerance) {
  run_check({name, std::move(inputs), [reference](const std::vector<Array<double>>& x) { return reference(x); },
             [reference](const std::vector<Array<Var>>& x) { return reference(x); }, std::move(build), tolerance});
}

/// The element types an op is tested in.
inline const std::vector<DType> float_types = {DType::f32, DType::f16, DType::bf16};

/// Compares element by element, safe against NaN: !(error <= tolerance) fails. Reports the worst element, the largest errors and the NMSE.
void compare(const std::string& what, const std::vector<double>& expected, const std::vector<float>& actual, double tolerance,
             double floor = 0);

/// A repeatable stream of normal numbers.
class Normal {
 public:
  explicit Normal(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  double operator()();

 private:
  double uniform();
  std::uint64_t state_;
};

}  // namespace ablate::test
