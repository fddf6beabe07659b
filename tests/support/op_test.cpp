#include "support/op_test.h"

#include "graph/executor.h"
#include "ops/add.h"
#include "support/device.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace ablate::test {

double Normal::uniform() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return (static_cast<double>((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

double Normal::operator()() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * M_PI * uniform());
}

void compare(const std::string& what, const std::vector<double>& expected, const std::vector<float>& actual, double tolerance,
             double floor) {
  REQUIRE_MESSAGE(expected.size() == actual.size(), what, ": ", actual.size(), " elements, expected ", expected.size());
  double square = 0, error_square = 0, worst = 0, max_absolute = 0;
  std::size_t worst_at = 0;
  for (const double e : expected) square += e * e;
  const double rms = expected.empty() ? 0 : std::sqrt(square / static_cast<double>(expected.size()));
  bool good = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    const double scale = std::max({std::abs(expected[i]), rms, floor});
    const double ratio = error == 0 ? 0 : error / (scale > 0 ? scale : 1);
    if (!(ratio <= tolerance)) good = false;
    if (!(ratio <= worst)) worst = ratio, worst_at = i;
    max_absolute = std::max(max_absolute, error);
    error_square += error * error;
  }
  CHECK_MESSAGE(good, what, ": relative error ", worst, " over ", tolerance, " at element ", worst_at, " (",
                actual.empty() ? 0 : actual[worst_at], ", expected ", expected.empty() ? 0 : expected[worst_at], "), max absolute ",
                max_absolute, ", NMSE ", square > 0 ? error_square / square : error_square);
}

namespace {

// sum(y * weight): the scalar whose gradient is taken.
template <class S>
S weighted_sum(const Array<S>& y, const std::vector<double>& weights) {
  S total(0);
  for (std::size_t i = 0; i < y.data.size(); ++i) total += y.data[i] * S(weights[i]);
  return total;
}

std::vector<std::vector<double>> tape_gradients(const OpCheck& check, const std::vector<Array<double>>& inputs,
                                                const std::vector<double>& weights) {
  Var::clear();
  std::vector<Array<Var>> leaves;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    Array<Var> x(inputs[k].shape);
    for (std::size_t i = 0; i < x.data.size(); ++i)
      x.data[i] = check.inputs[k].differentiable ? Var::leaf(inputs[k].data[i]) : Var(inputs[k].data[i]);
    leaves.push_back(std::move(x));
  }
  const std::vector<double> all = Var::gradients(weighted_sum(check.gradient(leaves), weights));
  std::vector<std::vector<double>> gradients(inputs.size());
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (const Var& leaf : leaves[k].data) gradients[k].push_back(check.inputs[k].differentiable ? all.at(leaf.node()) : 0);
  Var::clear();
  return gradients;
}

// Central differences in double with step h: truncation of order h^2 and rounding of order 1e-16 / h balance near h = 1e-5, both about 1e-10 of the
// function's scale; 1e-5 leaves room for large third derivatives.
void check_finite_differences(const OpCheck& check, std::vector<Array<double>> inputs, const std::vector<double>& weights,
                              const std::vector<std::vector<double>>& gradients) {
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!check.inputs[k].differentiable) continue;
    double scale = 0;
    for (const double g : gradients[k]) scale = std::max(scale, std::abs(g));
    const std::size_t stride = std::max<std::size_t>(1, inputs[k].data.size() / 7);
    for (std::size_t i = 0; i < inputs[k].data.size(); i += stride) {
      const double x = inputs[k].data[i], h = 1e-5 * std::max(1.0, std::abs(x));
      inputs[k].data[i] = x + h;
      const double above = weighted_sum(check.value(inputs), weights);
      inputs[k].data[i] = x - h;
      const double below = weighted_sum(check.value(inputs), weights);
      inputs[k].data[i] = x;
      const double difference = (above - below) / (2 * h);
      CHECK_MESSAGE(std::abs(difference - gradients[k][i]) <= 1e-5 * std::max(scale, 1.0), check.name, ": CPU gradient of input ", k,
                    " at ", i, " is ", gradients[k][i], ", finite differences give ", difference);
    }
  }
}

bool can_store_inputs(const OpCheck& check) {
  const auto half = std::find_if(check.inputs.begin(), check.inputs.end(),
                                 [](const OpInput& x) { return x.dtype == DType::f16 || x.dtype == DType::bf16; });
  return half == check.inputs.end() || can_store(check.name, half->dtype);
}

void write_input(Executor& executor, const Tensor& to, const Array<double>& data) {
  if (to.dtype == DType::i32) {
    const std::vector<std::int32_t> ints(data.data.begin(), data.data.end());
    return executor.write_ints(to, ints);
  }
  const std::vector<float> floats(data.data.begin(), data.data.end());
  executor.write_floats(to, floats);
}

void run_within_reach(const OpCheck& check) {
  CAPTURE(check.name);
  const bool gradients_wanted = std::any_of(check.inputs.begin(), check.inputs.end(), [](const OpInput& x) { return x.differentiable; });
  const std::vector<Array<double>> inputs = random_inputs(check.inputs, check.seed);
  const Array<double> expected = check.value(inputs);

  Graph graph(pipelines().device().caps());
  std::vector<Tensor> tensors;
  for (std::size_t k = 0; k < check.inputs.size(); ++k) {
    tensors.push_back(graph.input("input " + std::to_string(k), check.inputs[k].shape, check.inputs[k].dtype));
    if (check.inputs[k].differentiable) graph.require_gradient(tensors.back());
  }
  const Tensor y = graph.keep(check.build(graph, tensors));
  CHECK(y.size() == expected.data.size());
  std::vector<double> weights;
  Tensor seed;
  std::vector<Tensor> gradients(tensors.size());
  if (gradients_wanted) {
    Normal normal(check.seed + 1000);
    for (std::size_t i = 0; i < expected.data.size(); ++i)
      weights.push_back(static_cast<double>(round_to(y.dtype, static_cast<float>(normal()))));
    seed = graph.input("seed", y.shape, y.dtype);
    backward(graph, y, seed);
    for (std::size_t k = 0; k < tensors.size(); ++k)
      if (check.inputs[k].differentiable) gradients[k] = graph.gradient(tensors[k]);
    for (const Tensor& gradient : gradients)
      if (gradient) graph.keep(gradient);
  }

  const auto executor = run_both_ways(graph, [&](Executor& to) {
    for (std::size_t k = 0; k < tensors.size(); ++k) write_input(to, tensors[k], inputs[k]);
    if (seed) to.write_floats(seed, std::vector<float>(weights.begin(), weights.end()));
  });
  compare(check.name + ": value", expected.data, executor->read_floats(y), check.tolerance.value, check.tolerance.floor);
  if (!gradients_wanted) return;

  const auto expected_gradients = tape_gradients(check, inputs, weights);
  check_finite_differences(check, inputs, weights, expected_gradients);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    if (!check.inputs[k].differentiable) continue;
    REQUIRE_MESSAGE(static_cast<bool>(gradients[k]), check.name, ": no gradient for input ", k);
    compare(check.name + ": gradient of input " + std::to_string(k), expected_gradients[k], executor->read_floats(gradients[k]),
            check.tolerance.gradient, std::max(check.tolerance.floor, check.tolerance.gradient_floor));
  }
}

}  // namespace

void run_check(const OpCheck& check) {
  if (!can_store_inputs(check)) return;
  try {
    run_within_reach(check);
  } catch (const InputError& error) {
    const bool masked = pipelines().device().caps().max_elements < Caps().max_elements;
    if (!masked || std::string(error.what()).find("can index") == std::string::npos) throw;
    skip(check.name, "beyond the reach of \"elements=\", and not to be cut");
  }
}

}  // namespace ablate::test
