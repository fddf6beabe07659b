// The memory planner against what it promises, on graphs of random lives.
#include "graph/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

using namespace ablate;

namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

/// Which dispatches use a storage.
struct Use {
  std::size_t first = never, last = 0;
};

std::vector<Use> uses_of(const Graph& graph) {
  std::vector<Use> uses(graph.storages().size());
  for (std::size_t step = 0; step < graph.dispatches().size(); ++step)
    for (const PushValue& value : graph.dispatches()[step].push)
      if (value.tensor) uses[value.tensor.storage] = {std::min(uses[value.tensor.storage].first, step), step};
  return uses;
}

/// Dispatches over storages of many sizes, some of them kept, constant or external, seen whole or through slices, some read and written by
/// one dispatch.
Graph random_graph(const Caps& caps, std::mt19937& random) {
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  Graph graph(caps);
  std::vector<Tensor> tensors;
  const unsigned count = 2 + below(30), dispatches = 1 + below(60);
  for (unsigned i = 0; i < count; ++i) {
    const Shape shape{1 + below(8), 1 + below(below(3) ? 40 : 1000)};
    switch (below(8)) {
      case 0: tensors.push_back(graph.input("input", shape, DType::f32)); break;
      case 1: tensors.push_back(graph.external("external", shape, DType::f16, 0x10000 + 0x10000ull * i)); break;
      case 2: tensors.push_back(graph.keep(graph.tensor(shape, DType::f32, "kept"))); break;
      default: tensors.push_back(graph.tensor(shape, below(2) ? DType::f32 : DType::f16, "tensor"));
    }
    if (below(4) == 0) tensors.push_back(graph.slice(tensors.back(), below(shape[0]), 1));
    if (below(4) == 0) tensors.push_back(graph.reshape(tensors.back(), {static_cast<std::uint32_t>(tensors.back().size())}));
  }
  for (unsigned i = 0; i < dispatches; ++i) {
    Dispatch dispatch{"made up", {}};
    const std::size_t window = i * tensors.size() / dispatches;  // neighbours meet, as in a network
    for (unsigned k = 0; k <= below(4); ++k) dispatch.push.emplace_back(tensors[(window + below(6)) % tensors.size()]);
    if (below(3) == 0) dispatch.push.push_back(dispatch.push.front());  // in place
    dispatch.push.emplace_back(7u);
    dispatch.push.emplace_back(Tensor());
    graph.dispatch(std::move(dispatch));
  }
  return graph;
}

struct Placed {
  std::uint32_t storage;
  std::uint64_t begin, end;
};

/// Those that must have memory while dispatch `step` runs.
std::vector<Placed> placed_at(const Graph& graph, const MemoryPlan& plan, const std::vector<Use>& uses, std::size_t step, bool share) {
  std::vector<Placed> all;
  for (std::uint32_t i = 1; i < graph.storages().size(); ++i) {
    const Storage& storage = graph.storages()[i];
    const bool used = uses[i].first != never, live = !share || storage.kept || (uses[i].first <= step && step <= uses[i].last);
    if (storage.address == 0 && (used || storage.kept) && live) {
      REQUIRE(plan.offset[i] != MemoryPlan::unplaced);
      all.push_back({i, plan.offset[i], plan.offset[i] + storage.bytes});
    }
  }
  return all;
}

void check_plan(const Graph& graph, const PlanOptions& options) {
  const MemoryPlan plan = plan_memory(graph, options);
  const std::vector<Use> uses = uses_of(graph);
  REQUIRE(plan.offset.size() == graph.storages().size());
  for (std::uint32_t i = 1; i < graph.storages().size(); ++i)
    if (graph.storages()[i].address != 0) CHECK(plan.offset[i] == MemoryPlan::unplaced);
  for (std::size_t step = 0; step < graph.dispatches().size(); ++step) {
    std::vector<Placed> live = placed_at(graph, plan, uses, step, options.share);
    std::sort(live.begin(), live.end(), [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
    for (std::size_t n = 0; n < live.size(); ++n) {
      CAPTURE(step);
      CAPTURE(live[n].storage);
      CHECK(live[n].begin % 256 == options.guard % 256);
      CHECK(live[n].begin >= options.guard);
      CHECK(live[n].end + options.guard <= plan.bytes);
      CHECK((live[n].begin - options.guard) / plan.block == (live[n].end + options.guard - 1) / plan.block);  // no cut runs through it
      if (n > 0) CHECK(live[n].begin >= live[n - 1].end + 2 * options.guard);
    }
  }
}

}  // namespace

TEST_CASE("storages that are live together never overlap") {
  const Caps caps;
  for (unsigned seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const Graph graph = random_graph(caps, random);
    check_plan(graph, {});
    check_plan(graph, {.share = false});
    check_plan(graph, {.guard = 256, .share = false});
    check_plan(graph, {.max_allocation = 8 * 1000 * 4 + 1000});  // the largest just fits
    check_plan(graph, {.max_allocation = 64 * 1024, .guard = 512});
  }
}

TEST_CASE("a chain takes the memory of two of its links") {
  const Caps caps;
  Graph graph(caps);
  std::vector<Tensor> links;
  for (int i = 0; i < 20; ++i) links.push_back(graph.tensor({128}, DType::f32, "link"));
  for (std::size_t i = 0; i + 1 < links.size(); ++i) graph.dispatch({"made up", {links[i], links[i + 1]}});
  CHECK(plan_memory(graph, {}).bytes == 2 * 512);
  CHECK(plan_memory(graph, {.share = false}).bytes == 20 * 512);
}

TEST_CASE("one dispatch never reads and writes the same memory by two names") {
  const Caps caps;
  Graph graph(caps);
  const Tensor a = graph.tensor({64}, DType::f32, "a"), b = graph.tensor({64}, DType::f32, "b"), c = graph.tensor({64}, DType::f32, "c");
  graph.dispatch({"made up", {a, b}});  // the last use of a is where b begins
  graph.dispatch({"made up", {b, c}});
  const MemoryPlan plan = plan_memory(graph, {});
  CHECK(plan.offset[a.storage] != plan.offset[b.storage]);
  CHECK(plan.offset[b.storage] != plan.offset[c.storage]);
  CHECK(plan.offset[a.storage] == plan.offset[c.storage]);
}

TEST_CASE("what is kept shares with nobody, before its first use and after its last") {
  const Caps caps;
  Graph graph(caps);
  const Tensor before = graph.tensor({64}, DType::f32, "before"), kept = graph.keep(graph.tensor({64}, DType::f32, "kept")),
               after = graph.tensor({64}, DType::f32, "after");
  graph.dispatch({"made up", {before}});
  graph.dispatch({"made up", {kept}});
  graph.dispatch({"made up", {after}});
  const MemoryPlan plan = plan_memory(graph, {});
  CHECK(plan.offset[kept.storage] != plan.offset[before.storage]);
  CHECK(plan.offset[kept.storage] != plan.offset[after.storage]);
  CHECK(plan.offset[before.storage] == plan.offset[after.storage]);
}

TEST_CASE("a storage larger than one allocation is refused by its name") {
  const Caps caps;
  Graph graph(caps);
  graph.dispatch({"made up", {graph.tensor({65}, DType::f32, "the large one")}});
  CHECK_THROWS_WITH_AS(plan_memory(graph, {.max_allocation = 256}), doctest::Contains("the large one: needs 512 bytes"), DeviceError);
}
