#include "ops/tune_matmul.h"

#include "graph/executor.h"
#include "ops/matmul_kernels.h"

#include <algorithm>
#include <chrono>

namespace ablate {
namespace {

constexpr int runs_per_kernel = 7;
constexpr double hopeless = 2.0;  // a kernel whose second run takes this many times the best needs no more runs

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

// Seconds of the fastest run. The first run is not counted: it may wait for the clock to rise.
double time_kernel(Pipelines& pipelines, const MatmulProblem& p, const MatmulKernel& kernel, double best_so_far) {
  const Trial trial(p, to_string(kernel), pipelines.device().caps());
  Executor executor(pipelines, trial.graph, {.profile = true});
  seconds_of(executor);
  double best = seconds_of(executor);
  for (int run = 2; run < runs_per_kernel && best < hopeless * best_so_far; ++run) best = std::min(best, seconds_of(executor));
  return best;
}

MatmulKernel fastest(Pipelines& pipelines, const MatmulProblem& p) {
  const Caps& caps = pipelines.device().caps();
  const std::vector<MatmulKernel> kernels = matmul_candidates(p, caps);
  const MatmulKernel& usual = kernels.front();
  const Trial smallest(p, to_string(usual), caps);
  const bool can_time = caps.timestamp_period > 0 && !caps.is_cpu() &&
                        Executor::memory_needed(smallest.graph, pipelines.device()) < pipelines.device().free_memory() / 2;
  if (!can_time) return usual;
  MatmulKernel winner = usual;
  double best = time_kernel(pipelines, p, usual, 1e9);
  for (std::size_t i = 1; i < kernels.size(); ++i) {
    const double seconds = time_kernel(pipelines, p, kernels[i], best);
    if (seconds < best) best = seconds, winner = kernels[i];
  }
  return winner;
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
