#include "ops/optimizer.h"

#include "graph/executor.h"
#include "support/device.h"
#include "support/op_run.h"
#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace ablate;
using namespace ablate::test;

namespace {

enum class Kind { adamw, sgd };

// torch.optim.AdamW and SGD, torch.nn.utils.clip_grad_norm_ and torch.amp.GradScaler, as their documentation states them, in double.
struct Reference {
  Kind kind;
  OptimizerOptions options;
  std::vector<double> x, m, v;
  StepState state{};
  double norm = 0;
  bool skipped = false;

  bool decays(std::size_t i) const {
    for (const auto& [offset, count] : options.decayed)
      if (i >= offset && i < offset + count) return true;
    return false;
  }

  void update_scale(bool finite) {
    state.good_steps = finite ? state.good_steps + 1 : 0;
    (finite ? state.steps : state.skipped) += 1;
    if (!options.dynamic_loss_scale) return;
    if (!finite) state.loss_scale *= static_cast<float>(options.backoff);
    else if (state.good_steps == options.growth_interval) state.loss_scale *= static_cast<float>(options.growth), state.good_steps = 0;
  }

  void step(const std::vector<double>& scaled_gradients, double lr) {
    double square = 0;
    for (const double g : scaled_gradients) square += g * g;
    const double loss_scale = state.loss_scale;
    norm = std::sqrt(square) / loss_scale;
    skipped = !std::isfinite(norm);
    update_scale(!skipped);
    if (skipped) return;
    const double factor = (options.clip > 0 ? std::min(1.0, options.clip / (norm + 1e-6)) : 1.0) / loss_scale;
    for (std::size_t i = 0; i < x.size(); ++i)
      kind == Kind::adamw ? adamw(i, scaled_gradients[i] * factor, lr) : sgd(i, scaled_gradients[i] * factor, lr);
  }

  void adamw(std::size_t i, double g, double lr) {
    if (decays(i)) x[i] -= lr * options.weight_decay * x[i];
    m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
    v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
    const double corrected_m = m[i] / (1 - std::pow(options.beta1, state.steps)),
                 corrected_v = v[i] / (1 - std::pow(options.beta2, state.steps));
    x[i] -= lr * corrected_m / (std::sqrt(corrected_v) + options.eps);
  }

  void sgd(std::size_t i, double g, double lr) {
    if (decays(i)) g += options.weight_decay * x[i];
    m[i] = options.momentum * m[i] + g;
    x[i] -= lr * m[i];
  }
};

// The same on the device: one recorded step, replayed.
class DeviceStep {
 public:
  DeviceStep(Kind kind, const OptimizerOptions& options, std::uint32_t count, DType mirror_type) : graph_(pipelines().device().caps()) {
    arenas_ = {graph_.input("parameters", {count}, DType::f32), graph_.input("gradients", {count}, DType::f32),
               graph_.input("m", {count}, DType::f32)};
    if (kind == Kind::adamw) arenas_.v = graph_.input("v", {count}, DType::f32);
    if (mirror_type != DType::f32) arenas_.mirror = graph_.input("mirror", {count}, mirror_type);
    state_ = graph_.input("state", {4}, DType::i32);
    lr_ = graph_.input("lr", {1}, DType::f32);
    control_ = step_control(graph_, {arenas_.gradients}, state_, options);
    graph_.keep(control_.values);
    if (kind == Kind::adamw) adamw(graph_, arenas_, control_, lr_, options);
    else sgd(graph_, arenas_, control_, lr_, options);
    executor_.emplace(pipelines(), graph_, ExecutorOptions{.guard = true});
    executor_->write_floats(arenas_.m, std::vector<float>(count));
    if (arenas_.v) executor_->write_floats(arenas_.v, std::vector<float>(count));
  }

  void start(const std::vector<double>& x, const StepState& state) {
    executor_->write_floats(arenas_.parameters, std::vector<float>(x.begin(), x.end()));
    executor_->write(state_, std::as_bytes(std::span(&state, 1)));
  }

  void step(const std::vector<double>& gradients, double lr) {
    executor_->write_floats(arenas_.gradients, std::vector<float>(gradients.begin(), gradients.end()));
    executor_->write_floats(lr_, std::vector<float>{static_cast<float>(lr)});
    executor_->run();
    executor_->check_guards();
  }

  StepState state() {
    StepState state;
    executor_->read(state_, std::as_writable_bytes(std::span(&state, 1)));
    return state;
  }
  float norm() { return executor_->read_floats(control_.norm)[0]; }
  bool skipped() { return executor_->read_ints(control_.skipped)[0] != 0; }
  std::vector<float> read(const Tensor& x) { return executor_->read_floats(x); }
  const OptimizerArenas& arenas() const { return arenas_; }

 private:
  Graph graph_;
  OptimizerArenas arenas_;
  Tensor state_, lr_;
  StepControl control_;
  std::optional<Executor> executor_;
};

std::vector<double> random_numbers(std::size_t count, double scale, std::uint64_t seed) {
  Normal normal(seed);
  std::vector<double> x(count);
  for (double& value : x) value = static_cast<double>(static_cast<float>(scale * normal()));
  return x;
}

void same_state(const StepState& expected, const StepState& actual) {
  CHECK(actual.loss_scale == expected.loss_scale);
  CHECK(actual.good_steps == expected.good_steps);
  CHECK(actual.steps == expected.steps);
  CHECK(actual.skipped == expected.skipped);
}

// Every step rounds x, m and v a few times (half a unit of 2^-24 each, relative to x of size 1 and moments of their own size) and divides
// and takes roots with at most 3 units' error; the errors of `steps` steps add up.
double tolerance_after(int steps) { return 8 * steps * unit_roundoff(DType::f32); }

}  // namespace

TEST_CASE("adamw and sgd follow PyTorch's formulas") {
  const int steps = 5;
  for (const Kind kind : {Kind::adamw, Kind::sgd}) {
    for (const DType mirror : float_types) {
      if (!can_store("optimizer with a mirror in " + std::string(name_of(mirror)), mirror)) continue;
      for (const std::uint32_t count : {1u, 3u, 64u, 1003u, 20000u}) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(count);
        OptimizerOptions options{.weight_decay = 0.3, .clip = count % 2 ? 0.7 : 0.0};
        if (count >= 64) options.decayed = {{4, 8}, {12, 4}, {20, 20}, {60, count - 60}};
        const double loss_scale = 4.0;
        Reference reference{kind,
                            options,
                            random_numbers(count, 1, 7),
                            std::vector<double>(count),
                            std::vector<double>(count),
                            {static_cast<float>(loss_scale)}};
        DeviceStep device(kind, options, count, mirror);
        device.start(reference.x, reference.state);
        for (int s = 0; s < steps; ++s) {
          const std::vector<double> gradients = random_numbers(count, 0.1 * (s + 1), 100 + static_cast<std::uint64_t>(s));
          const double lr = static_cast<double>(static_cast<float>(0.01 * (s + 1)));
          reference.step(gradients, lr);
          device.step(gradients, lr);
          compare("norm", {reference.norm}, {device.norm()}, 4 * std::sqrt(count) * unit_roundoff(DType::f32));
          CHECK_FALSE(device.skipped());
        }
        compare("parameters", reference.x, device.read(device.arenas().parameters), tolerance_after(steps));
        compare("m", reference.m, device.read(device.arenas().m), tolerance_after(steps));
        if (kind == Kind::adamw) compare("v", reference.v, device.read(device.arenas().v), tolerance_after(steps));
        same_state(reference.state, device.state());
        if (mirror == DType::f32) continue;
        const std::vector<float> x = device.read(device.arenas().parameters), copy = device.read(device.arenas().mirror);
        for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(copy[i] == round_to(mirror, x[i]));
      }
    }
  }
}

TEST_CASE("a step with gradients that are not finite changes nothing but the state") {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::uint32_t at : {0u, 998u, 1002u}) {
      const std::uint32_t count = 1003;
      const OptimizerOptions options{.decayed = {{0, count}}};
      DeviceStep device(Kind::adamw, options, count, DType::f32);
      device.start(random_numbers(count, 1, 1), {});
      device.step(random_numbers(count, 1, 2), 0.1);
      const std::vector<float> x = device.read(device.arenas().parameters), m = device.read(device.arenas().m),
                               v = device.read(device.arenas().v);
      std::vector<double> gradients = random_numbers(count, 1, 3);
      gradients[at] = static_cast<double>(bad);
      device.step(gradients, 0.1);
      CHECK(device.skipped());
      CHECK_FALSE(std::isfinite(device.norm()));
      CHECK(device.read(device.arenas().parameters) == x);
      CHECK(device.read(device.arenas().m) == m);
      CHECK(device.read(device.arenas().v) == v);
      same_state({1.0f, 0, 1, 1}, device.state());
    }
  }
}

TEST_CASE("the dynamic loss scale backs off and grows, and skipped steps do not count") {
  const std::uint32_t count = 16;
  const OptimizerOptions options{.weight_decay = 0, .clip = 0, .dynamic_loss_scale = true, .growth_interval = 3};
  Reference reference{Kind::adamw, options, random_numbers(count, 1, 1), std::vector<double>(count), std::vector<double>(count),
                      {65536.0f}};
  DeviceStep device(Kind::adamw, options, count, DType::f32);
  device.start(reference.x, reference.state);
  const std::string steps = "xggxgggggggxggg";  // x: an overflow
  int good = 0;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    CAPTURE(s);
    std::vector<double> gradients = random_numbers(count, 1, 10 + s);
    for (double& g : gradients)
      g *= static_cast<double>(reference.state.loss_scale);  // as a backward pass of the scaled loss would give them
    if (steps[s] == 'x') gradients[5] = std::numeric_limits<double>::infinity();
    else ++good;
    reference.step(gradients, 0.01);
    device.step(gradients, 0.01);
    same_state(reference.state, device.state());
    CHECK(device.skipped() == (steps[s] == 'x'));
  }
  CHECK(reference.state.steps == static_cast<std::uint32_t>(good));
  compare("parameters", reference.x, device.read(device.arenas().parameters), tolerance_after(good));
}

TEST_CASE("bias correction far into a run") {
  const std::uint32_t count = 8;
  const OptimizerOptions options{.beta1 = 0.0, .beta2 = 0.999, .weight_decay = 0, .clip = 0};
  if (!can_reach("bias correction far into a run", 40000)) return;  // its table of corrections
  for (const std::uint32_t t : {0u, 9u, 17000u, 30000u}) {
    Reference reference{Kind::adamw,    options, random_numbers(count, 1, 1), std::vector<double>(count), std::vector<double>(count),
                        {1.0f, 0, t, 0}};
    DeviceStep device(Kind::adamw, options, count, DType::f32);
    device.start(reference.x, reference.state);
    const std::vector<double> gradients = random_numbers(count, 1, 2);
    reference.step(gradients, 0.01);
    device.step(gradients, 0.01);
    compare("parameters", reference.x, device.read(device.arenas().parameters), tolerance_after(1));
  }
}

TEST_CASE("decay runs off a multiple of 4, out of order or beyond the parameters are refused") {
  using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  for (const Runs& runs : {Runs{{2, 4}}, {{0, 6}}, {{8, 4}, {0, 4}}, {{0, 8}, {4, 8}}, {{96, 8}}}) {
    const OptimizerOptions options{.decayed = runs};
    CHECK_THROWS_AS(DeviceStep(Kind::adamw, options, 100, DType::f32), InputError);
  }
}

TEST_CASE("accumulate and loss_weight") {
  for (const std::uint32_t count : {1u, 7u, 1030u}) {
    check_op(
        "accumulate", {{{count}, DType::f32, false}, {{count}, DType::f32, false}},
        [](const auto& in) {
          auto y = in[0];
          for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += in[1].data[i];
          return y;
        },
        [](Graph& g, const auto& in) {
          accumulate(g, in[0], in[1]);
          return in[0];
        },
        {unit_roundoff(DType::f32), 0, 1.0});
  }
  Graph graph(pipelines().device().caps());
  const Tensor state = graph.input("state", {4}, DType::i32), positions = graph.input("count", {1}, DType::f32);
  const Tensor weight = graph.keep(loss_weight(graph, state, positions));
  Executor executor(pipelines(), graph);
  const StepState value{1024.0f};
  executor.write(state, std::as_bytes(std::span(&value, 1)));
  executor.write_floats(positions, std::vector<float>{4096.0f});
  executor.run();
  CHECK(executor.read_floats(weight)[0] == 0.25f);
}
