#include "ops/tune_matmul.h"

#include "graph/executor.h"
#include "ops/matmul_kernels.h"

#include <algorithm>
#include <chrono>
#include <memory>

namespace ablate {
namespace {

constexpr int runs_per_kernel = 7;
constexpr double warm_up = 0.05;  // seconds until a resting GPU runs at its full clock
constexpr double hopeless = 2.0;  // a kernel whose two first runs take this many times the best needs no more

Tensor operand(Graph& graph, const char* name, bool transposed, std::uint32_t batch, std::uint32_t rows, std::uint32_t columns,
               DType type) {
  return graph.input(name, transposed ? Shape{batch, columns, rows} : Shape{batch, rows, columns}, type);
}

// The graph of one product by one kernel.
struct Trial {
  Graph graph;

  Trial(const MatmulProblem& p, const std::string& kernel, const Caps& caps) : graph(caps) {
    MatmulOptions options;
    options.out = p.c;
    options.kernel = kernel;
    if (p.bias) options.bias = graph.input("bias", {p.n}, DType::f32);
    if (p.residual) options.residual = graph.input("residual", {p.batch, p.m, p.n}, p.c);
    const Tensor a = operand(graph, "a", p.layout == Layout::tn, p.batch, p.m, p.k, p.a),
                 b = operand(graph, "b", p.layout == Layout::nt, p.batch, p.k, p.n, p.b);
    graph.keep(matmul(graph, a, b, p.layout, options));
  }
};

double seconds_of(Executor& executor) {
  executor.run();
  double sum = 0;
  for (const DispatchTime& time : executor.times()) sum += time.seconds;
  return sum;
}

// One kernel in the race.
struct Contender {
  MatmulKernel kernel;
  Trial trial;
  std::unique_ptr<Executor> executor;
  double best = 1e9;  // seconds

  Contender(const MatmulProblem& p, const MatmulKernel& k, const Caps& caps) : kernel(k), trial(p, to_string(k), caps) {}
  void run() { best = std::min(best, seconds_of(*executor)); }
};

std::vector<std::unique_ptr<Contender>> contenders(Pipelines& pipelines, const MatmulProblem& p) {
  const Device& device = pipelines.device();
  std::vector<std::unique_ptr<Contender>> all;
  if (device.caps().timestamp_period <= 0 || device.caps().is_cpu()) return all;
  std::uint64_t left = device.free_memory() / 2;
  std::vector<PipelineKey> keys;
  for (const MatmulKernel& kernel : matmul_candidates(p, device.caps())) {
    auto contender = std::make_unique<Contender>(p, kernel, device.caps());
    const std::uint64_t bytes = Executor::memory_needed(contender->trial.graph, device);
    if (bytes > left) continue;
    left -= bytes;
    for (const Dispatch& dispatch : contender->trial.graph.dispatches())
      keys.push_back({dispatch.shader, dispatch.constants, dispatch.subgroup});
    all.push_back(std::move(contender));
  }
  pipelines.prepare(keys);
  for (const auto& contender : all)
    contender->executor = std::make_unique<Executor>(pipelines, contender->trial.graph, ExecutorOptions{.profile = true});
  return all;
}

// They take turns, so that a clock that rises or falls meets them all.
MatmulKernel fastest(Pipelines& pipelines, const MatmulProblem& p) {
  using Clock = std::chrono::steady_clock;
  const auto all = contenders(pipelines, p);
  if (all.empty()) return default_matmul_kernel(p, pipelines.device().caps());
  const auto start = Clock::now();
  do all.front()->executor->run();
  while (std::chrono::duration<double>(Clock::now() - start).count() < warm_up);
  double best = 1e9;
  for (int run = 0; run < runs_per_kernel; ++run)
    for (const auto& contender : all) {
      if (run > 1 && contender->best > hopeless * best) continue;
      contender->run();
      best = std::min(best, contender->best);
    }
  return (*std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->best < b->best; }))->kernel;
}

}  // namespace

std::size_t tune_matmul(Pipelines& pipelines, Choices& choices,
                        const std::function<void(const std::string&, const std::string&)>& progress) {
  std::size_t answered = 0;
  for (const std::string& question : choices.open()) {
    const auto problem = parse_matmul_problem(question);
    if (!problem) continue;
    const std::string answer = to_string(fastest(pipelines, *problem));
    choices.set(question, answer);
    if (progress) progress(question, answer);
    ++answered;
  }
  return answered;
}

bool Tuner::tune() {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t answered = tune_matmul(pipelines_, choices_);
  if (answered > 0 && keep_) keep_(choices_, answered, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return answered > 0;
}

}  // namespace ablate
