#include "ops/tune_matmul.h"

#include "graph/executor.h"
#include "ops/matmul_kernels.h"
#include "vulkan/registers.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace ablate {
namespace {

constexpr int heat_runs = 2, final_runs = 6;
constexpr double warm_up_seconds = 0.04;  // until a resting GPU runs at its full clock
constexpr double hopeless = 1.5;          // a kernel that takes this many times the best in the heat is not in the final

Tensor operand(Graph& graph, const char* name, bool transposed, std::uint32_t batch, std::uint32_t rows, std::uint32_t columns,
               DType type) {
  return graph.input(name, transposed ? Shape{batch, columns, rows} : Shape{batch, rows, columns}, type);
}

// One product by several kernels, one after another, from the same operands to the same place.
struct Race {
  Graph graph;
  std::vector<std::size_t> first;  // dispatch of each kernel

  Race(const MatmulProblem& p, const std::vector<MatmulKernel>& kernels, const Caps& caps) : graph(caps) {
    MatmulOptions options;
    options.out = p.c;
    if (p.bias) options.bias = graph.input("bias", {p.n}, DType::f32);
    if (p.residual) options.residual = graph.input("residual", {p.batch, p.m, p.n}, p.c);
    options.into = graph.keep(graph.tensor({p.batch, p.m, p.n}, p.c));
    const Tensor a = operand(graph, "a", p.layout == Layout::tn, p.batch, p.m, p.k, p.a),
                 b = operand(graph, "b", p.layout == Layout::nt, p.batch, p.k, p.n, p.b);
    for (const MatmulKernel& kernel : kernels) {
      first.push_back(graph.dispatches().size());
      options.kernel = to_string(kernel);
      matmul(graph, a, b, p.layout, options);
    }
    first.push_back(graph.dispatches().size());
  }

  // The least seconds each kernel took.
  std::vector<double> run(Executor& executor, int runs) const {
    std::vector<double> best(first.size() - 1, 1e9);
    for (int i = 0; i < runs; ++i) {
      executor.run();
      const std::vector<DispatchTime> times = executor.times();
      for (std::size_t k = 0; k < best.size(); ++k) {
        double sum = 0;
        for (std::size_t d = first[k]; d < first[k + 1]; ++d) sum += times[d].seconds;
        best[k] = std::min(best[k], sum);
      }
    }
    return best;
  }
};

void warm_up(Executor& executor) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  do executor.run();
  while (std::chrono::duration<double>(Clock::now() - start).count() < warm_up_seconds);
}

bool can_measure(const Caps& caps) { return caps.timestamp_period > 0 && !caps.is_cpu(); }

// All at once, on all cores: a driver takes a second or two for each, and a product has dozens.
void prepare(Pipelines& pipelines, const std::vector<MatmulProblem>& problems) {
  const Caps& caps = pipelines.device().caps();
  if (!can_measure(caps)) return;
  std::vector<PipelineKey> all;
  for (const MatmulProblem& p : problems) {
    const std::vector<PipelineKey> keys = pipelines_of(Race(p, matmul_candidates(p, caps), caps).graph);
    all.insert(all.end(), keys.begin(), keys.end());
  }
  pipelines.prepare(all);
}

bool spills(Pipelines& pipelines, const MatmulProblem& p, const MatmulKernel& kernel) {
  for (const PipelineKey& key : pipelines_of(Race(p, {kernel}, pipelines.device().caps()).graph))
    if (register_use(pipelines.statistics(pipelines.get(key.shader, key.constants, key.subgroup))).spills > 0) return true;
  return false;
}

// Where the driver says so, a kernel whose registers spill to memory is not timed: on small devices that takes long. If all do, all race.
std::vector<MatmulKernel> without_spills(Pipelines& pipelines, const MatmulProblem& p, const std::vector<MatmulKernel>& kernels) {
  std::vector<MatmulKernel> left;
  for (const MatmulKernel& kernel : kernels)
    if (!pipelines.device().statistics() || !spills(pipelines, p, kernel)) left.push_back(kernel);
  return left.empty() ? kernels : left;
}

// They take turns, so that a clock that rises or falls meets them all.
MatmulKernel fastest(Pipelines& pipelines, const MatmulProblem& p) {
  const Device& device = pipelines.device();
  std::vector<MatmulKernel> kernels = matmul_candidates(p, device.caps());
  const MatmulKernel unmeasured = default_matmul_kernel(p, device.caps());
  if (!can_measure(device.caps())) return unmeasured;
  kernels = without_spills(pipelines, p, kernels);
  for (const int runs : {heat_runs, final_runs}) {
    const Race race(p, kernels, device.caps());
    if (Executor::memory_needed(race.graph, device) > device.free_memory() / 2) return unmeasured;
    Executor executor(pipelines, race.graph, ExecutorOptions{.profile = true});
    warm_up(executor);
    const std::vector<double> seconds = race.run(executor, runs);
    const double best = *std::min_element(seconds.begin(), seconds.end());
    std::vector<MatmulKernel> left;
    for (std::size_t k = 0; k < kernels.size(); ++k)
      if (seconds[k] <= (runs == final_runs ? 1.0 : hopeless) * best) left.push_back(kernels[k]);
    kernels = std::move(left);
  }
  return kernels.front();
}

}  // namespace

std::size_t tune_matmul(Pipelines& pipelines, Choices& choices,
                        const std::function<void(const std::string&, const std::string&)>& progress) {
  std::vector<MatmulProblem> problems;
  for (const std::string& question : choices.open())
    if (const auto problem = parse_matmul_problem(question)) problems.push_back(*problem);
  prepare(pipelines, problems);
  for (const MatmulProblem& problem : problems) {
    const std::string question = problem.question(), answer = to_string(fastest(pipelines, problem));
    choices.set(question, answer);
    if (progress) progress(question, answer);
  }
  return problems.size();
}

void Tuner::record(const std::string& question, const std::string& answer) {
  choices_.set(question, answer);
  if (keep_) keep_(choices_, 0, 0);
}

bool Tuner::tune() {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t answered = tune_matmul(pipelines_, choices_);
  if (answered > 0 && keep_) keep_(choices_, answered, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return answered > 0;
}

}  // namespace ablate
