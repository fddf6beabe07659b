#include "experiment/shaders/gradient_check.h"

#include "base/random.h"
#include "graph/executor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ablate {
namespace {

constexpr int points_wanted = 10, points_tried = 40;
constexpr double unit = 0x1p-24;  // rounding of an f32

struct Difference {
  double value = 0, noise = 0;
  bool kink = false;
};

/// The op's value as a function of its inputs.
class Function {
 public:
  Function(Pipelines& pipelines, const OpSample& sample)
      : sample_(sample), graph_(pipelines.device().caps(), sample, false), executor_(pipelines, graph_.graph) {}

  void write(std::size_t input, const std::vector<float>& values) { write_values(executor_, graph_.inputs[input], values); }

  std::vector<float> value() {
    executor_.run();
    return executor_.read_floats(graph_.result);
  }

  static void write_values(Executor& executor, const Tensor& to, const std::vector<float>& values) {
    if (to.dtype == DType::i32) executor.write_ints(to, std::vector<std::int32_t>(values.begin(), values.end()));
    else executor.write_floats(to, values);
  }

 private:
  const OpSample& sample_;
  SampleGraph graph_;
  Executor executor_;
};

std::vector<std::vector<float>> random_inputs(const OpSample& sample, CounterRandom& random, std::uint64_t& next) {
  std::vector<std::vector<float>> all;
  for (const SampleInput& input : sample.inputs) {
    std::vector<float>& values = all.emplace_back(size_of(input.shape));
    for (float& value : values) {
      const std::uint64_t index = next++;
      value = static_cast<float>(input.dtype == DType::i32 ? std::floor(random.uniform(index) * input.below) : random.normal(index));
    }
  }
  return all;
}

// sum(weights * df/dx) by central differences with steps h and h / 2, whose combination has an error of order h^4. Where a result's two
// differences disagree it bends between the points: a kink, about which differences say nothing.
Difference difference(Function& f, std::size_t input, std::vector<float> x, std::size_t at, const std::vector<float>& weights) {
  const float center = x[at], h = 0.02f * std::max(1.0f, std::abs(center));
  const auto value_at = [&](float where) {
    x[at] = where;
    f.write(input, x);
    return f.value();
  };
  const auto above = value_at(center + h), below = value_at(center - h), half_above = value_at(center + h / 2),
             half_below = value_at(center - h / 2);
  const double wide = static_cast<double>(center + h) - static_cast<double>(center - h),
               narrow = static_cast<double>(center + h / 2) - static_cast<double>(center - h / 2);
  Difference d;
  double noise = 0;
  for (std::size_t j = 0; j < above.size(); ++j) {
    const double by_wide = (static_cast<double>(above[j]) - static_cast<double>(below[j])) / wide;
    const double by_narrow = (static_cast<double>(half_above[j]) - static_cast<double>(half_below[j])) / narrow;
    if (by_wide == 0 && by_narrow == 0) continue;
    const double rounding = 16 * unit * std::max(1.0, std::abs(static_cast<double>(above[j]))) / narrow;
    if (std::abs(by_wide - by_narrow) > 0.01 * std::max(std::abs(by_wide), std::abs(by_narrow)) + rounding) d.kink = true;
    d.value += static_cast<double>(weights[j]) * (4 * by_narrow - by_wide) / 3;
    noise += std::pow(static_cast<double>(weights[j]) * rounding, 2);
  }
  d.noise = std::sqrt(noise);
  f.write(input, (x[at] = center, x));
  return d;
}

double rms(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

}  // namespace

std::vector<GradientCheck> check_gradients(Pipelines& pipelines, const OpSample& sample) {
  CounterRandom random(1, sample.name);
  std::uint64_t next = 0;
  const auto inputs = random_inputs(sample, random, next);
  SampleGraph graph(pipelines.device().caps(), sample, true);
  Executor executor(pipelines, graph.graph);
  Function function(pipelines, sample);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    Function::write_values(executor, graph.inputs[k], inputs[k]);
    function.write(k, inputs[k]);
  }
  std::vector<float> weights(graph.result.size(), 1.0f);
  if (!sample.summed)
    for (float& weight : weights) weight = static_cast<float>(random.normal(next++));
  executor.write_floats(graph.seed, weights);
  executor.run();

  std::vector<GradientCheck> checks;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!sample.inputs[k].differentiable) continue;
    GradientCheck check{.sample = sample.name, .input = static_cast<int>(k) + 1};
    require(static_cast<bool>(graph.gradients[k]), "{}: input {} has no gradient", sample.name, k + 1);
    const std::vector<float> gradient = executor.read_floats(graph.gradients[k]);
    const double scale = rms(gradient);
    for (int tries = 0; tries < points_tried && check.points < points_wanted; ++tries) {
      const auto at = static_cast<std::size_t>(random.uniform(next++) * static_cast<double>(gradient.size()));
      const Difference d = difference(function, k, inputs[k], at, weights);
      if (d.kink) {
        ++check.kinks;
        continue;
      }
      // The differences are good to some 1e-5 of themselves besides their noise; a wrong gradient is off by far more than a thousandth.
      const double found = static_cast<double>(gradient[at]), allowed = 2e-3 * (std::abs(d.value) + scale) + d.noise;
      const double error = std::abs(found - d.value) / std::max(allowed, std::numeric_limits<double>::min());
      ++check.points;
      if (!(error <= check.worst)) check.worst = error, check.expected = d.value, check.found = found;
    }
    checks.push_back(check);
  }
  return checks;
}

}  // namespace ablate
