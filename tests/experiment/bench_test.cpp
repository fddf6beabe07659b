#include "experiment/bench/suite_rows.h"
#include "ops/activation.h"
#include "support/device.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>

using namespace ablate;

namespace {

const BenchOptions brief{.seconds = 0.01, .cold = false};

SuiteContext brief_context(Tuner& tuner) { return {test::pipelines(), tuner, 0.01}; }

TransformerConfig tiny() { return llama(61, 32, 1, 2, 1, 48, 16); }

// What a graph of this case costs that computes all of it.
Cost cost_of(const BenchCase& bench, const Caps& caps) {
  Graph graph(caps);
  BenchInputs inputs(graph);
  bench.build(graph, inputs)();
  return graph.cost();
}

BenchCase gelu_case(bool backward) {
  return {"activation", "gelu", [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
            const Tensor x = inputs.activations({7, 33}, DType::f32);
            if (backward) return backward_body(graph, inputs, activation(graph, "gelu", x));
            return [=, &graph] { return std::vector{activation(graph, "gelu", x)}; };
          }};
}

}  // namespace

TEST_CASE("every op has benchmarks under names of their own, on a CPU and on a GPU, and each costs something") {
  Caps gpu = test::pipelines().device().caps();
  gpu.type = "discrete";
  for (const std::string& op : bench_ops()) {
    for (const Caps& caps : {test::pipelines().device().caps(), gpu}) {
      std::set<std::string> names;
      for (const BenchCase& bench : bench_cases(op, caps)) {
        CAPTURE(op);
        CAPTURE(bench.name);
        CHECK(bench.op == op);
        CHECK(names.insert(bench.name).second);
        CHECK(cost_of(bench, caps).bytes > 0);
      }
      CHECK(!names.empty());
    }
  }
  CHECK_THROWS_AS(bench_cases("no such op", gpu), InputError);
}

TEST_CASE("a backward pass is measured without the forward pass before it") {
  const BenchResult forward = measure(test::pipelines(), gelu_case(false), brief),
                    backward = measure(test::pipelines(), gelu_case(true), brief);
  CHECK(forward.failure == "");
  CHECK(backward.failure == "");
  CHECK(forward.warm > 0);
  CHECK(backward.warm >= backward.best);
  CHECK(forward.cold == 0);
  CHECK(forward.cost.bytes == 2 * 7 * 33 * 4);   // x, y
  CHECK(backward.cost.bytes == 3 * 7 * 33 * 4);  // x, dy, dx
  CHECK(backward.kernels.find("backward") != std::string::npos);
  CHECK(forward.kernels.find("backward") == std::string::npos);
}

TEST_CASE("a benchmark that cannot run says why") {
  const BenchResult result =
      measure(test::pipelines(), {"none", "none", [](Graph&, BenchInputs&) -> BenchBody { bad_input("not this one"); }}, brief);
  CHECK(result.failure == "not this one");
}

TEST_CASE("what does not fit the memory is refused by name") {
  const Device& device = test::pipelines().device();
  CHECK_THROWS_AS(require_memory(device, device.free_memory() + 1), DeviceError);
  Tuner tuner(test::pipelines(), {}, {});
  const SuiteResult result =
      measure(brief_context(tuner),
              {"large", "large", "tokens/s", {}, 1.0, training_measure(llama(1 << 20, 1 << 14, 64, 64, 64, 64, 16), 4, "f32")}, {});
  CHECK_MESSAGE(result.failure.find(device.caps().device_name) != std::string::npos, result.failure);
  CHECK(!result.reached());
}

TEST_CASE("useful arithmetic of causal attention") {
  Caps gpu = test::pipelines().device().caps();
  gpu.type = "discrete";
  double forward = 0, backward = 0;
  for (const BenchCase& bench : bench_cases("attention", gpu)) {
    if (bench.name == "4x4096 32 heads of 128 f32") forward = cost_of(bench, gpu).flop;
    if (bench.name == "4x4096 32 heads of 128 f32 backward") backward = cost_of(bench, gpu).flop - forward;
  }
  CHECK(forward == 4.0 * 4 * 32 * 128 * 4096 * 4097 / 2);
  CHECK(backward == 2.5 * forward);
}

TEST_CASE("rows of suites: products, shares, training steps and probes") {
  Tuner tuner(test::pipelines(), {}, {});
  const SuiteContext context = brief_context(tuner);
  const SuiteFigure product = matmul_measure({32, 24, 40, 1, DType::f32, DType::f32, Layout::nn}, Rate::gflop, "coopmat2")(context);
  CHECK(product.value > 0);
  CHECK(parse_matmul_kernel(product.how));
  const SuiteFigure step = training_measure(tiny(), 4, "f32")(context);
  CHECK(step.value > 0);
  CHECK(probe_measure(tiny(), DType::f32, 3, 16)(context).value > 0);
  if (test::pipelines().device().caps().storage16) {
    CHECK(training_measure(tiny(), 4, "mixed-bf16")(context).value > 0);
    CHECK(probe_measure(tiny(), DType::bf16, 3, 16)(context).value > 0);
  } else {
    CHECK_THROWS_AS(training_measure(tiny(), 4, "mixed-bf16")(context), DeviceError);
  }
  CHECK_THROWS_AS(case_measure("rmsnorm", "no such case", Rate::tbyte)(context), DeviceError);
}

TEST_CASE("a suite's table and its JSON, with peers from a file") {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "peers.json") << R"({"device": "some GPU", "rows": {"fast": {"PyTorch": 4.0, "compiled": "out of memory"}}})";
  const MeasuredPeers peers = read_peers(folder / "peers.json");
  REQUIRE(peers.of("fast").size() == 1);
  CHECK(peers.of("slow").empty());

  const auto gives = [](double value) { return [value](const SuiteContext&) { return SuiteFigure{value, "a kernel"}; }; };
  const Suite suite{"a suite",
                    "another GPU",
                    {{"fast", "fast op", "TB/s", {{"theirs", 2.5}}, 3.0, gives(3.5)},
                     {"slow", "slow op", "TB/s", {}, 3.0, gives(1.5)},
                     {"share", "share", "%", {}, 5.0, gives(4), true},
                     {"broken", "broken op", "TB/s", {}, 3.0, [](const SuiteContext&) -> SuiteFigure { throw DeviceError("no room"); }}}};
  Tuner tuner(test::pipelines(), {}, {});
  std::vector<SuiteResult> results;
  for (const SuiteRow& row : suite.rows) results.push_back(measure(brief_context(tuner), row, peers));
  CHECK(results[0].reached());
  CHECK(!results[1].reached());
  CHECK(results[2].reached());
  CHECK(!results[3].reached());
  const Caps& caps = test::pipelines().device().caps();
  const std::string text = format_suite(suite, results, peers, caps), json = suite_to_json(suite, results, peers, caps);
  for (const char* part : {"theirs 2.5", "PyTorch 4", "no, 50 %", "<= 5", "no room", "another GPU", "some GPU", "2 of 4 figures reached"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  for (const char* part : {"\"reached\": true", "\"failure\": \"no room\"", "\"PyTorch\": 4.0"})
    CHECK_MESSAGE(json.find(part) != std::string::npos, part);

  CHECK(text.find("peers here") != std::string::npos);
  CHECK(format_suite(suite, {results[2]}, {}, caps).find("peers here") == std::string::npos);  // a column of nothing

  CHECK(text.find("####") == std::string::npos);
  std::vector<SuiteResult> curve{results[0], results[1]};
  for (SuiteResult& r : curve) r.row.asked.reset();
  CHECK(format_suite(suite, curve, {}, caps).find("slow op  ######################### 1.5") != std::string::npos);  // 60 * 1.5 / 3.5

  std::ofstream(folder / "broken.json") << "[1, 2]";
  CHECK_THROWS_AS(read_peers(folder / "broken.json"), InputError);
}
