#include "probe/evaluation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace ablate {
namespace {

constexpr std::uint64_t logits_bytes = 256ull << 20;  // of one chunk of logits
// Of several sequences at once: more gain nothing, and a model of 7B stays under 20 GB.
constexpr std::uint64_t activation_bytes = 4ull << 30;

// Interventions act first, then every probe sees the result.
Hooks combine(const Hooks& hooks, const std::vector<Probe*>& probes) {
  Hooks both = hooks;
  if (probes.empty()) return both;
  both.at = [before = hooks.at, probes](Graph& g, const Hook& hook, const Tensor& x) {
    const Tensor y = before ? before(g, hook, x) : x;
    for (Probe* probe : probes) probe->at(g, hook, y);
    return y;
  };
  both.attention = [before = hooks.attention, probes](Graph& g, const AttentionCall& call) {
    if (before) before(g, call);
    for (Probe* probe : probes) probe->attention(g, call);
  };
  for (const Probe* probe : probes) both.wants_logits = both.wants_logits || probe->wants_logits();
  return both;
}

}  // namespace

// A graph for some number of sequences, and its tensors.
struct Evaluator::Pass {
  Pass(const Caps& caps, const Choices* choices) : graph(caps, choices) {}
  Graph graph;
  Tensor ids, targets, losses;
};

Evaluator::Evaluator(Pipelines& pipelines, const Weights& weights, DType activations, const EvaluationData& data, Tuner* tuner)
    : pipelines_(pipelines), weights_(weights), activations_(activations), data_(data), tuner_(tuner) {
  const TransformerConfig& config = weights.config();
  require(data.rows > 0 && data.tokens() > 0, "there are no tokens to evaluate");
  require(config.position != Position::learned || data.tokens() <= static_cast<std::uint32_t>(config.max_seq_len),
          "sequences of {} tokens are longer than the model's table of {} positions", data.tokens(), config.max_seq_len);
  for (const std::int32_t id : data.ids)
    require(id >= 0 && id < config.vocab_size, "token id {} is outside the model's vocabulary of {}", id, config.vocab_size);
}

std::unique_ptr<Evaluator::Pass> Evaluator::build(std::uint32_t rows, const Hooks& hooks, const std::vector<Probe*>& probes) {
  auto pass = std::make_unique<Pass>(pipelines_.device().caps(), tuner_ ? &tuner_->choices() : nullptr);
  const std::uint32_t tokens = data_.tokens();
  for (Probe* probe : probes) probe->begin(weights_.config(), rows, tokens);
  pass->ids = pass->graph.input("ids", {rows, tokens}, DType::i32);
  pass->targets = pass->graph.input("targets", {rows * tokens}, DType::i32);
  ParameterTensors parameters(pass->graph, weights_);
  Transformer model(pass->graph, parameters, tokens, combine(hooks, probes), activations_);
  const Tensor hidden = model.hidden(pass->ids);
  pass->losses = pass->graph.keep(model.losses(hidden, pass->targets, logits_bytes));
  for (Probe* probe : probes) probe->losses(pass->graph, pass->losses);
  return pass;
}

// As many sequences at once as keep the device busy, halved until they fit its memory.
std::uint32_t Evaluator::rows_at_once(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free) {
  const Device& device = pipelines_.device();
  const std::uint32_t wanted = (device.caps().is_cpu() ? 4096u : 32768u) / data_.tokens();
  std::uint32_t rows = std::clamp(wanted, 1u, data_.rows);
  while (true) {
    const std::uint64_t needed = Executor::memory_needed(build(rows, hooks, probes)->graph, device);
    if (needed <= std::min(free / 10 * 9, rows > 1 ? activation_bytes : free)) return rows;
    if (rows == 1)
      throw DeviceError(fmt::format("a sequence of {} tokens needs {} bytes for its activations, {} are free on {}: use shorter sequences",
                                    data_.tokens(), needed, free, device.caps().device_name));
    rows /= 2;
  }
}

void Evaluator::plan(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free,
                     const std::function<void(const Graph&, double)>& look) {
  std::uint32_t rows = 1;
  try {
    rows = rows_at_once(hooks, probes, free);
  } catch (const DeviceError&) {  // one sequence is too much: the graph says by how much
  }
  look(build(rows, hooks, probes)->graph, std::ceil(static_cast<double>(data_.rows) / rows));
}

void Evaluator::time(const std::vector<Probe*>& probes, double flop,
                     const std::function<void(const Graph&, const std::vector<DispatchTime>&, double)>& tell) {
  const std::uint32_t most = rows_at_once({}, probes, pipelines_.device().free_memory());
  const double each = build(1, {}, probes)->graph.cost().flop;
  const auto pass = build(static_cast<std::uint32_t>(std::clamp(flop / std::max(each, 1.0), 1.0, static_cast<double>(most))), {}, probes);
  const std::vector<std::int32_t> ids(data_.ids.begin(), data_.ids.begin() + static_cast<std::ptrdiff_t>(pass->ids.size()));
  double together = 0;
  std::vector<DispatchTime> times;
  for (const bool profile : {true, false}) {
    Executor executor(pipelines_, pass->graph, {.profile = profile});
    executor.write_ints(pass->ids, ids);
    executor.write_ints(pass->targets, ids);
    executor.run();
    const auto start = std::chrono::steady_clock::now();
    executor.run();
    together = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (profile) times = executor.times();
  }
  tell(pass->graph, times, together);
}

Evaluation Evaluator::run(const Hooks& hooks, const std::vector<Probe*>& probes,
                          const std::function<void(std::uint32_t, std::uint32_t)>& progress) {
  for (Probe* probe : probes) probe->model(pipelines_, weights_);
  const Evaluation evaluation = one_pass(hooks, probes, progress);
  std::vector<Probe*> listeners = probes;
  while (true) {
    std::erase_if(listeners, [](Probe* probe) { return !probe->again(); });
    if (listeners.empty()) return evaluation;
    one_pass(hooks, listeners, {});
  }
}

Evaluation Evaluator::one_pass(const Hooks& hooks, const std::vector<Probe*>& probes,
                               const std::function<void(std::uint32_t, std::uint32_t)>& progress) {
  const std::uint32_t step = rows_at_once(hooks, probes, pipelines_.device().free_memory()), tokens = data_.tokens();
  Evaluation result;
  double sum = 0;
  std::unique_ptr<Pass> pass;
  std::unique_ptr<Executor> executor;
  double warm = 0;  // seconds
  for (std::uint32_t first = 0; first < data_.rows; first += step) {
    const std::uint32_t rows = std::min(step, data_.rows - first);
    if (!pass || pass->ids.dim(0) != rows) {
      executor.reset();
      do pass = build(rows, hooks, probes);
      while (tuner_ && tuner_->tune());
      executor = std::make_unique<Executor>(pipelines_, pass->graph);
      result.memory = std::max(result.memory, executor->memory());
    }
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::int32_t> ids(rows * tokens), targets(rows * tokens, -1);
    for (std::uint32_t row = 0; row < rows; ++row) {
      const std::int32_t* from = &data_.ids[std::size_t{first + row} * data_.columns];
      std::copy_n(from, tokens, &ids[row * tokens]);
      const auto [a, b] = data_.positions.value_or(std::pair<int, int>{0, static_cast<int>(tokens)});
      for (std::uint32_t t = 0; t < tokens; ++t)
        if (t + 1 < data_.columns && static_cast<int>(t) >= a && static_cast<int>(t) < b) targets[row * tokens + t] = from[t + 1];
    }
    executor->write_ints(pass->ids, ids);
    executor->write_ints(pass->targets, targets);
    executor->run();
    const std::vector<float> losses = executor->read_floats(pass->losses);
    for (std::size_t i = 0; i < losses.size(); ++i) {
      if (targets[i] < 0) continue;
      sum += static_cast<double>(losses[i]);
      ++result.counted;
    }
    for (Probe* probe : probes) probe->collect(*executor, {first, rows, tokens, ids.data(), targets.data()});
    warm = (first > step ? warm : 0) + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (progress) progress(first + rows, data_.rows);
  }
  result.loss = result.counted ? sum / static_cast<double>(result.counted) : 0;
  const std::uint32_t counted_rows = data_.rows > step ? data_.rows - step : data_.rows;
  result.tokens_per_second = static_cast<double>(counted_rows) * tokens / warm;
  return result;
}

}  // namespace ablate
