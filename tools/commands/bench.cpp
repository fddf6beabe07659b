// `ablate bench [OP]`: times the kernels of a device.
#include "base/error.h"
#include "base/file.h"
#include "base/terminal.h"
#include "command.h"
#include "experiment/bench/matmul.h"
#include "experiment/bench/suite.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>

namespace ablate {
namespace {

struct Options {
  std::string op, suite, peers, device, without, json, dtype = "f32", out, layout = "nn", kernel;
  std::uint32_t m = 0, n = 0, k = 0, batch = 1;
  std::vector<std::string> rows;
  bool all_kernels = false, warm_only = false, no_ceilings = false;
  double seconds = 0.5;
};

DType dtype_of(const std::string& name) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16})
    if (name == name_of(type)) return type;
  bad_input("--dtype {}: expected f32, f16 or bf16", name);
}

Layout layout_of(const std::string& name) {
  if (name == "nn") return Layout::nn;
  if (name == "nt") return Layout::nt;
  if (name == "tn") return Layout::tn;
  bad_input("--layout {}: expected nn, nt or tn", name);
}

// Whether --rows asks for what has this name.
bool wanted(const Options& o, const std::string& name) {
  return o.rows.empty() ||
         std::any_of(o.rows.begin(), o.rows.end(), [&](const std::string& part) { return name.find(part) != std::string::npos; });
}

// Keeps what --rows asks for; if that is nothing, names what there is.
template <class Row, class Name>
void keep_wanted(const Options& o, std::vector<Row>& rows, const std::string& what, Name&& name) {
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(name(row));
  std::erase_if(rows, [&](const Row& row) { return !wanted(o, name(row)); });
  require(!rows.empty(), "--rows {}: no {} has a name with that in it; there are {}", fmt::join(o.rows, ","), what, fmt::join(names, "; "));
}

std::vector<BenchCase> cases_of(const Options& o, const Caps& caps) {
  std::vector<BenchCase> cases;
  if (o.m || o.n || o.k) {
    require(o.op == "matmul", "--m, --n and --k are for ablate bench matmul");
    const std::uint32_t given = std::max({o.m, o.n, o.k});
    const auto or_given = [&](std::uint32_t size) { return size ? size : given; };
    const DType in = dtype_of(o.dtype);
    const MatmulShape shape{or_given(o.m),      or_given(o.n), or_given(o.k), o.batch, in, o.out.empty() ? DType::f32 : dtype_of(o.out),
                            layout_of(o.layout)};
    if (!o.all_kernels) return {matmul_case(shape, o.kernel)};
    std::vector<BenchCase> kernels = matmul_kernel_cases(shape, caps);
    keep_wanted(o, kernels, "kernel that fits", [](const BenchCase& c) { return c.name; });
    return kernels;
  }
  for (const std::string& op : o.op.empty() ? bench_ops() : std::vector{o.op}) {
    const std::vector<BenchCase> more = bench_cases(op, caps);
    cases.insert(cases.end(), more.begin(), more.end());
  }
  keep_wanted(o, cases, "case", [](const BenchCase& c) { return c.op + " " + c.name; });
  return cases;
}

// To the terminal, as text or with --json - as JSON; and to the file of --json.
void show(const Options& o, const std::string& text, const std::string& json) {
  fmt::print("{}", o.json == "-" ? json : text);
  if (!o.json.empty() && o.json != "-") write_atomically(o.json, json);
}

void bench_ops(const Options& o, Pipelines& pipelines, Tuner& tuner) {
  const Caps& caps = pipelines.device().caps();
  const BenchOptions options{.seconds = o.seconds, .cold = !o.warm_only, .tuner = &tuner};
  const std::vector<BenchCase> cases = cases_of(o, caps);
  const Ceilings ceilings = o.no_ceilings ? Ceilings{} : measure_ceilings(pipelines, options);
  std::vector<BenchResult> results;
  for (const BenchCase& c : cases) {
    const BenchResult& r = results.emplace_back(measure(pipelines, c, options));
    tell("{} {}: {}\n", c.op, c.name, r.failure.empty() ? fmt::format("{:.3f} ms", r.warm * 1e3) : r.failure);
  }
  show(o, format_results(results, ceilings), results_to_json(results, ceilings, caps));
}

void bench_suite(const Options& o, Pipelines& pipelines, Tuner& tuner) {
  const Caps& caps = pipelines.device().caps();
  Suite suite = find_suite(o.suite, caps);
  keep_wanted(o, suite.rows, "row of suite " + o.suite, [](const SuiteRow& row) { return row.id; });
  const MeasuredPeers peers = o.peers.empty() ? MeasuredPeers{} : read_peers(o.peers);
  std::vector<SuiteResult> results;
  for (const SuiteRow& row : suite.rows) {
    const SuiteResult& r = results.emplace_back(measure({pipelines, tuner, o.seconds}, row, peers));
    tell("{}: {}\n", row.id, r.failure.empty() ? fmt::format("{:.4g} {}", r.ours.value, row.unit) : r.failure);
  }
  show(o, format_suite(suite, results, peers, caps), suite_to_json(suite, results, peers, caps));
}

int bench(const Options& o) {
  require(o.suite.empty() || o.op.empty(), "ablate bench takes an op or a suite, not both");
  const Instance instance;
  const Device device(instance, {o.device, o.without});
  Pipelines pipelines(device);
  Tuner tuner(pipelines, {}, {});
  require(device.caps().timestamp_period > 0, "{} has no timestamps", device.caps().device_name);
  tell("{}, {} {}\n", device.caps().device_name, device.caps().driver_name, device.caps().driver_info);
  (o.suite.empty() ? bench_ops : bench_suite)(o, pipelines, tuner);
  return 0;
}

const CommandRegistration registration{
    {"bench", "Time the kernels of a device", [](CLI::App& app) {
       auto o = std::make_shared<Options>();
       app.add_option("op", o->op, "One op (default: all)");
       app.add_option("--suite", o->suite,
                      "A table: h200 (what is asked of one, and what others reach there) or scaling (training by context and depth)");
       app.add_option("--rows", o->rows,
                      "Only rows of the suite, cases of the ops or kernels of --all-kernels with one of these in their names, e.g. "
                      "--rows matmul,train")
           ->delimiter(',');
       app.add_option("--peers", o->peers, "The suite's rows as others measured them here, written by tools/bench_peers.py")
           ->type_name("FILE.json");
       app.add_option("--device", o->device, "A number of `ablate devices`, or part of a name");
       app.add_option("--without", o->without, "Features to do without: coopmat2,coopmat,f16,...");
       app.add_option("--json", o->json, "Write the results to this file, - for the terminal");
       app.add_option("--seconds", o->seconds, "To spend per measurement")->check(CLI::PositiveNumber);
       app.add_flag("--warm", o->warm_only, "Measure with warm caches only");
       app.add_flag("--no-ceilings", o->no_ceilings, "Leave out the copy and the largest products that floors are computed from");
       app.add_option("--m", o->m, "matmul: rows of the product (--m, --n, --k default to the largest of them)");
       app.add_option("--n", o->n, "matmul: columns of the product");
       app.add_option("--k", o->k, "matmul: what is summed over");
       app.add_option("--batch", o->batch, "matmul: how many products");
       app.add_option("--dtype", o->dtype, "matmul: f32, f16 or bf16");
       app.add_option("--out", o->out, "matmul: type of the product (default f32)");
       app.add_option("--layout", o->layout, "matmul: nn, nt (B transposed) or tn (A transposed)");
       app.add_option("--kernel", o->kernel, "matmul: this kernel, as --all-kernels prints it");
       app.add_flag("--all-kernels", o->all_kernels, "matmul: every kernel that fits, each timed");
       return [o] { return bench(*o); };
     }}};

}  // namespace
}  // namespace ablate
