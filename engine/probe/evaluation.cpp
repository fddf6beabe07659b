#include "probe/evaluation.h"

#include "graph/choices_by_memory.h"
#include "probe/mean.h"
#include "probe/non_finite_watch.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace ablate {
namespace {

constexpr std::uint64_t logits_bytes = 256ull << 20;  // of one chunk of logits
// Of several sequences at once: more gain nothing, and a model of 7B stays under 20 GB.
constexpr std::uint64_t activation_bytes = 4ull << 30;

// Interventions act first, then the watch and every probe see the result. Nobody hears what a block that is left out would have computed: it is no part of
// the model.
Hooks combine(const Hooks& hooks, const std::vector<Probe*>& probes, NonFiniteWatch& watch) {
  Hooks both = hooks;
  const auto block = std::make_shared<int>(0);  // the one that is being built: hook points come in the order of the forward pass
  const auto left_out = [left_out = hooks.left_out, block] { return left_out && left_out(*block); };
  both.at = [before = hooks.at, probes, &watch, block, left_out](Graph& g, const Hook& hook, const Tensor& x) {
    const Tensor y = before ? before(g, hook, x) : x;
    const bool unheard = hook.residual() < 0 && left_out();
    if (hook.residual() == 0) *block = 1;
    if (hook.block() > 0) *block = hook.block() + 1;
    if (unheard) return y;
    watch.at(g, hook, y);
    for (Probe* probe : probes) probe->at(g, hook, y);
    return y;
  };
  both.attention = [before = hooks.attention, probes, left_out](Graph& g, const AttentionCall& call) {
    if (before) before(g, call);
    if (left_out()) return;
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
  NonFiniteWatch watch;
  Tensor ids, targets, losses;
};

Evaluator::Evaluator(Pipelines& pipelines, const Weights& weights, DType activations, const EvaluationData& data, Tuner* tuner,
                     const EvaluatorOptions& options)
    : pipelines_(pipelines), weights_(weights), activations_(activations), data_(data), tuner_(tuner), options_(options) {
  const TransformerConfig& config = weights.config();
  require(data.rows > 0 && data.tokens() > 0, "there are no tokens to evaluate");
  require(config.position != Position::learned || data.tokens() <= static_cast<std::uint32_t>(config.max_seq_len),
          "sequences of {} tokens are longer than the model's table of {} positions", data.tokens(), config.max_seq_len);
  for (const std::int32_t id : data.ids)
    require(id >= 0 && id < config.vocab_size, "token id {} is outside the model's vocabulary of {}", id, config.vocab_size);
}

std::unique_ptr<Evaluator::Pass> Evaluator::build(std::uint32_t rows, std::uint32_t tokens, const Hooks& hooks,
                                                  const std::vector<Probe*>& probes) {
  auto pass = std::make_unique<Pass>(pipelines_.device().caps(), tuner_ ? &tuner_->choices() : nullptr);
  for (Probe* probe : probes) probe->begin(weights_.config(), rows, tokens);
  pass->watch.begin(pass->graph, weights_.config());
  pass->ids = pass->graph.input("ids", {rows, tokens}, DType::i32);
  pass->targets = pass->graph.input("targets", {rows * tokens}, DType::i32);
  ParameterTensors parameters(pass->graph, weights_);
  Transformer model(pass->graph, parameters, tokens, combine(hooks, probes, pass->watch), activations_);
  const Tensor hidden = model.hidden(pass->ids);
  pass->losses = pass->graph.keep(model.losses(hidden, pass->targets, logits_bytes));
  for (Probe* probe : probes) probe->losses(pass->graph, pass->losses);
  return pass;
}

std::unique_ptr<Evaluator::Pass> Evaluator::build(std::uint32_t rows, const Hooks& hooks, const std::vector<Probe*>& probes) {
  return build(rows, data_.tokens(), hooks, probes);
}

// What is free differs from run to run, and other shapes may take other kernels, which may round differently: a run keeps to what it began with.
std::uint32_t Evaluator::rows_at_once(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free) {
  if (options_.sequences > 0) return std::min(options_.sequences, data_.rows);
  return tuner_ ? recorded_rows(hooks, probes, free) : fitting_rows(hooks, probes, free);
}

std::uint32_t Evaluator::recorded_rows(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free) {
  const Device& device = pipelines_.device();
  const std::string question = fmt::format("{} of {}x{} tokens, {} bytes each", choices_by_memory, data_.rows, data_.tokens(),
                                           Executor::memory_needed(build(1, hooks, probes)->graph, device));
  const auto answer = [&] {
    const std::string text = tuner_->choices().find(question).value_or("");
    std::uint32_t rows = 0;
    std::from_chars(text.data(), text.data() + text.size(), rows);
    return rows;
  };
  if (answer() == 0) tuner_->record(question, std::to_string(fitting_rows(hooks, probes, free)));
  const std::uint32_t rows = std::clamp(answer(), 1u, data_.rows);
  const std::uint64_t needed = Executor::memory_needed(build(rows, hooks, probes)->graph, device);
  if (needed > free)
    throw DeviceError(fmt::format(
        "this run looks at {} sequences of {} tokens at once, which takes {} bytes of activations; {} are free on {}: make room, or "
        "start again without --resume",
        rows, data_.tokens(), needed, free, device.caps().device_name));
  return rows;
}

// As many sequences at once as keep the device busy, halved until they fit its memory.
std::uint32_t Evaluator::fitting_rows(const Hooks& hooks, const std::vector<Probe*>& probes, std::uint64_t free) {
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

void Evaluator::time(const std::vector<Probe*>& probes, double flop, std::uint32_t least_tokens,
                     const std::function<void(const Graph&, const std::vector<DispatchTime>&, double)>& tell) {
  const std::uint32_t most = rows_at_once({}, probes, pipelines_.device().free_memory());
  const double each = build(1, {}, probes)->graph.cost().flop;
  const double allowed = flop / std::max(each, 1.0), whole = data_.tokens();
  const auto rows = static_cast<std::uint32_t>(std::clamp(allowed, 1.0, static_cast<double>(most)));
  const auto tokens = static_cast<std::uint32_t>(std::clamp(allowed * whole, std::min<double>(least_tokens, whole), whole));
  const auto pass = build(rows, tokens, {}, probes);
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

// Of a loss that is not finite although all hook points are: the logits overflowed, or a weight of theirs is bad.
static std::string describe_loss(const std::vector<float>& losses, std::size_t at, const ProbeBatch& batch) {
  return fmt::format("the loss of sequence {}, token {}: {}", batch.first + at / batch.tokens, at % batch.tokens,
                     std::isnan(losses[at]) ? "NaN" : "infinity");
}

static void refuse_non_finite(const std::string& what) {
  throw RunError(what + "; probe.allow_non_finite = true measures what there is all the same");
}

void Evaluator::count_non_finite(Evaluation& result, Executor& executor, const Pass& pass, const ProbeBatch& batch,
                                 const std::vector<float>& losses) const {
  NonFiniteWatch::Found found = pass.watch.collect(executor, batch);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (batch.targets[i] < 0 || std::isfinite(losses[i])) continue;
    if (found.count++ == 0) found.state = describe_loss(losses, i, batch), found.begins = "the logits";
  }
  result.non_finite += found.count;
  if (found.count == 0) return;
  const std::string what = fmt::format("{}; it begins at {}", found.state, found.begins);
  if (result.first_non_finite.empty()) result.first_non_finite = what;
  if (options_.allow_non_finite) return;
  const std::optional<std::string> op = executor.first_non_finite();
  refuse_non_finite(op ? fmt::format("{}, which {} writes", what, *op) : what);
}

void Evaluator::collect(Evaluation& result, Executor& executor, const std::vector<Probe*>& probes, const ProbeBatch& batch) const {
  const std::uint64_t before = executor.non_finite_reads().count;
  for (Probe* probe : probes) probe->collect(executor, batch);
  const std::uint64_t bad = executor.non_finite_reads().count - before;
  result.non_finite_statistics += bad;
  if (bad == 0) return;
  const std::string what =
      fmt::format("{} numbers that statistics read are not finite, the first of them of {}", bad, executor.non_finite_reads().first);
  if (result.first_non_finite.empty()) result.first_non_finite = what;
  if (!options_.allow_non_finite) refuse_non_finite(what);
}

Evaluation Evaluator::one_pass(const Hooks& hooks, const std::vector<Probe*>& probes,
                               const std::function<void(std::uint32_t, std::uint32_t)>& progress) {
  const std::uint32_t step = rows_at_once(hooks, probes, pipelines_.device().free_memory()), tokens = data_.tokens();
  Evaluation result;
  Mean loss;
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
    for (std::size_t i = 0; i < losses.size(); ++i)
      if (targets[i] >= 0) loss.add(static_cast<double>(losses[i]));
    const ProbeBatch batch{first, rows, tokens, ids.data(), targets.data()};
    count_non_finite(result, *executor, *pass, batch, losses);
    collect(result, *executor, probes, batch);
    warm = (first > step ? warm : 0) + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (progress) progress(first + rows, data_.rows);
  }
  if (loss.any()) result.loss = loss.value();
  result.counted = static_cast<std::uint64_t>(loss.count);
  const std::uint32_t counted_rows = data_.rows > step ? data_.rows - step : data_.rows;
  result.tokens_per_second = static_cast<double>(counted_rows) * tokens / warm;
  return result;
}

}  // namespace ablate
