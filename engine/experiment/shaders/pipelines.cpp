#include "experiment/shaders/pipelines.h"

#include "base/error.h"
#include "experiment/shaders/samples.h"
#include "graph/executor.h"
#include "ops/convert.h"
#include "ops/embedding.h"
#include "ops/experts.h"
#include "ops/matmul_kernels.h"
#include "vulkan/registers.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ablate {
namespace {

void add(std::set<PipelineKey>& all, const Graph& graph) {
  for (PipelineKey& key : pipelines_of(graph)) all.insert(std::move(key));
}

std::vector<DType> types_of(const Caps& caps) {
  return caps.storage16 ? std::vector{DType::f32, DType::f16, DType::bf16} : std::vector{DType::f32};
}

void add_samples(std::set<PipelineKey>& all, const Caps& caps, DType type, const SampleSize& size) {
  for (const OpSample& sample : samples_with_gradient(type, size)) add(all, SampleGraph(caps, sample, sample.has_gradient).graph);
  for (const OpSample& sample : samples_without_gradient(type, size)) add(all, SampleGraph(caps, sample, false).graph);
}

// A product by each kernel that fits. Rows of odd lengths need other loads than those of multiples of eight.
void add_products(std::set<PipelineKey>& all, const Caps& caps, DType type, Layout layout, std::uint32_t odd) {
  const std::uint32_t m = 512 + odd, n = 512 + odd, k = 1024 + odd;
  const Shape a = layout == Layout::tn ? Shape{k, m} : Shape{m, k}, b = layout == Layout::nt ? Shape{n, k} : Shape{k, n};
  for (const DType out : {type, DType::f32}) {
    const std::uint32_t grouped = odd ? 1 : 8;
    const MatmulProblem problem{.m = m,
                                .n = n,
                                .k = k,
                                .a = type,
                                .b = type,
                                .c = out,
                                .layout = layout,
                                .a_group = grouped,
                                .b_group = grouped,
                                .c_group = grouped};
    for (const MatmulKernel& kernel : all_matmul_kernels(problem, caps)) {
      if (!fits(kernel, problem, caps)) continue;
      Graph graph(caps);
      matmul(graph, graph.input("a", a, type), graph.input("b", b, type), layout, {.out = out, .kernel = to_string(kernel)});
      add(all, graph);
    }
  }
}

// Everything that reads weights in blocks, of every storage format: a product by each kind of kernel, a mixture's product, rows of a table, decoding.
void add_stored(std::set<PipelineKey>& all, const Caps& caps, DType type) {
  constexpr std::uint32_t rows = 512, columns = 1024, experts = 2;
  for (const auto& [name, format] : StorageFormats::all()) {
    Graph graph(caps);
    const Tensor x = graph.input("x", {rows, columns}, type), w = graph.input("w", {rows, columns}, type_of(format));
    const MatmulProblem problem{.m = rows,
                                .n = rows,
                                .k = columns,
                                .a = type,
                                .b = w.dtype,
                                .c = type,
                                .layout = Layout::nt,
                                .a_group = 8,
                                .b_group = 8,
                                .c_group = 8};
    std::set<std::string> kinds;
    for (const MatmulKernel& kernel : all_matmul_kernels(problem, caps))
      if (fits(kernel, problem, caps) && kinds.insert(kernel.shader).second)
        matmul(graph, x, w, Layout::nt, {.out = type, .kernel = to_string(kernel)});
    const Routing routing = route(graph, graph.input("logits", {rows, experts}, DType::f32), 1, false);
    expert_linear(graph, x, w, routing);
    embedding(graph, graph.input("ids", {1, rows}, DType::i32), w, type);
    convert(graph, w, type);
    add(all, graph);
  }
}

void note(KernelReport& report, const RegisterUse& use) {
  report.registers = std::max(report.registers, use.registers);
  report.spills = std::max(report.spills, use.spills);
  report.scratch = std::max(report.scratch, use.scratch);
  report.shared = std::max(report.shared, use.shared);
  if (use.occupancy >= 0) report.occupancy = report.occupancy < 0 ? use.occupancy : std::min(report.occupancy, use.occupancy);
}

std::string to_string(const PipelineKey& variant) {
  std::string text = variant.shader;
  for (const auto& [name, value] : variant.constants) text += fmt::format(" {}={}", name, value);
  return text;
}

std::string cell(double value) { return value < 0 ? "-" : fmt::format("{:.0f}", value); }

}  // namespace

std::set<PipelineKey> all_pipelines(const Caps& caps) {
  std::set<PipelineKey> all;
  const SampleSize sizes[] = {{1, 1, 1, 1},   {2, 7, 3, 5},    {2, 9, 4, 6},    {40, 40, 4, 8},  {1, 33, 4, 32},
                              {2, 16, 8, 64}, {2, 16, 8, 128}, {1, 8, 32, 128}, {1, 8, 64, 128}, {1, 4, 16, 256}};
  for (const DType type : types_of(caps)) {
    for (const SampleSize& size : sizes) add_samples(all, caps, type, size);
    for (const Layout layout : {Layout::nn, Layout::nt, Layout::tn})
      for (const std::uint32_t odd : {0u, 3u}) add_products(all, caps, type, layout, odd);
    add_stored(all, caps, type);
  }
  return all;
}

std::vector<KernelReport> compile_all(Pipelines& pipelines, const std::string& part, bool details,
                                      const std::function<void(std::size_t, std::size_t)>& progress) {
  std::set<PipelineKey> all = all_pipelines(pipelines.device().caps());
  std::erase_if(all, [&](const PipelineKey& variant) { return variant.shader.find(part) == std::string::npos; });
  require(!all.empty(), "no kernel that {} could take has a name with {} in it", pipelines.device().caps().device_name, part);
  std::map<std::string, KernelReport> reports;
  std::size_t done = 0;
  for (const PipelineKey& variant : all) {
    const std::string name = details ? to_string(variant) : variant.shader;
    KernelReport& report = reports[name];
    report.shader = name;
    ++report.variants;
    try {
      note(report, register_use(pipelines.statistics(pipelines.get(variant.shader, variant.constants, variant.subgroup))));
    } catch (const std::exception& error) {
      if (report.failure.empty()) report.failure = error.what();
    }
    if (progress) progress(++done, all.size());
  }
  std::vector<KernelReport> list;
  for (const auto& [name, report] : reports) list.push_back(report);
  return list;
}

std::string format_kernels(const std::vector<KernelReport>& reports) {
  std::size_t width = 6;
  for (const KernelReport& report : reports) width = std::max(width, report.shader.size());
  std::string text = fmt::format("{:<{}}  variants  registers  spills  scratch  shared  subgroups/SIMD\n", "kernel", width);
  for (const KernelReport& r : reports)
    text +=
        fmt::format("{:<{}}  {:>8}  {:>9}  {:>6}  {:>7}  {:>6}  {:>14}{}\n", r.shader, width, r.variants, cell(r.registers), cell(r.spills),
                    cell(r.scratch), cell(r.shared), cell(r.occupancy), r.failure.empty() ? "" : "  FAILED: " + r.failure);
  return text;
}

}  // namespace ablate
