// Sizes past what a kernel's indices reach, on the host alone: graphs are built with shapes that no memory holds, and what their launches
// would do is read off the push constants. On a device the same cuts run with a tiny reach ("elements=..." in tests/CMakeLists.txt).
#include "experiment/shaders/samples.h"
#include "graph/cut.h"
#include "graph/executor.h"
#include "ops/fill.h"
#include "ops/matrix.h"
#include "ops/optimizer.h"
#include "ops/scale.h"
#include "ops/statistics/row_norms.h"
#include "ops/sum_rows.h"
#include "support/device.h"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

using namespace ablate;

namespace {

constexpr Cost any_work{1e30, 1e30};
constexpr std::uint64_t signed_indices = 1ull << 31, unsigned_indices = 1ull << 32;

Caps some_device(const char* type) {
  Caps caps;
  caps.type = type;
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 32;
  caps.max_invocations = 1024, caps.shared_memory = 49152;
  caps.subgroup_arithmetic = caps.subgroup_ballot = caps.subgroup_size_control = caps.storage16 = caps.f16 = true;
  return caps;
}

std::vector<OpSample> all_samples(DType type, const SampleSize& size) {
  std::vector<OpSample> all = samples_with_gradient(type, size);
  for (OpSample& sample : samples_without_gradient(type, size)) all.push_back(std::move(sample));
  return all;
}

std::uint64_t size_of(const PushValue& value) { return value.kind != 'p' ? value.bits : value.tensor ? value.tensor.size() : 0; }

/// The bytes of every storage that some launch writes, and whether together they are all of it.
void check_written(const Graph& graph, ShaderLibrary& library) {
  std::map<std::uint32_t, std::vector<std::pair<std::uint64_t, std::uint64_t>>> written;
  for (const Dispatch& dispatch : graph.dispatches()) {
    const Reflection& reflection = library.find(dispatch.shader).reflection;
    REQUIRE(reflection.push.size() == dispatch.push.size());
    for (std::size_t i = 0; i < dispatch.push.size(); ++i) {
      const Tensor& x = dispatch.push[i].tensor;
      if (x && (reflection.push[i].access == Access::write || reflection.push[i].access == Access::read_write))
        written[x.storage].emplace_back(x.offset, x.offset + x.bytes());
    }
  }
  for (auto& [storage, runs] : written) {
    std::sort(runs.begin(), runs.end());
    std::uint64_t end = 0;
    for (const auto& [from, to] : runs) {
      if (from > end) FAIL_CHECK("bytes ", end, " to ", from, " of storage ", graph.storages()[storage].name, " are never written");
      end = std::max(end, to);
    }
    if (end != graph.storages()[storage].bytes) FAIL_CHECK("of ", graph.storages()[storage].bytes, " bytes ", end, " are written");
  }
}

void check_reach(const Graph& graph, const Caps& caps) {
  for (const Dispatch& dispatch : graph.dispatches()) {
    for (const PushValue& value : dispatch.push)
      if (size_of(value) > (value.kind == 'p' ? caps.max_elements : unsigned_indices - 1))
        FAIL_CHECK(dispatch.label, " sees ", size_of(value));
    if (*std::max_element(dispatch.groups.begin(), dispatch.groups.end()) > caps.max_groups)
      FAIL_CHECK(dispatch.label, " has too many groups");
  }
}

bool says_size(const std::string& message) {
  return message.find("a kernel can index 2147483648") != message.npos ||
         message.find("too many for one dimension, which holds at most 4294967295") != message.npos;
}

/// Whether pieces make of a push constant of the launch they were cut from its parts, one after the other, or leave it the same for all.
bool are_parts(const Dispatch& whole, const std::vector<Dispatch>& pieces, std::uint32_t push) {
  const bool shared =
      std::none_of(whole.cut.shares.begin(), whole.cut.shares.end(), [&](const Cut::Share& share) { return share.push == push; });
  const PushValue& all = whole.push[push];
  std::uint64_t sum = 0;
  for (const Dispatch& piece : pieces) {
    const PushValue& part = piece.push[push];
    const std::uint64_t offset = all.tensor.offset + (shared ? 0 : sum * bytes_of(all.tensor.dtype));
    if (part.kind != all.kind || part.tensor.storage != all.tensor.storage || (all.tensor && part.tensor.offset != offset)) return false;
    if (shared && size_of(part) != size_of(all)) return false;
    sum += size_of(part);
  }
  return shared || sum == size_of(all);
}

}  // namespace

// What a unit owns is a statement about the kernel, which op tests on a device with a short reach prove; that the pieces are all of it, and
// nothing twice, is shown here for every launch of every op.
TEST_CASE("pieces of a launch are the launch") {
  std::set<std::string> uncut;
  std::size_t cut = 0;
  for (const char* type : {"cpu", "discrete"})
    for (const DType dtype : {DType::f32, DType::f16})
      for (const OpSample& sample : all_samples(dtype, {.batch = 6, .tokens = 9, .heads = 4, .head_dim = 8})) {
        CAPTURE(sample.name);
        const Caps caps = some_device(type);
        const SampleGraph graph(caps, sample, sample.has_gradient);
        for (const Dispatch& whole : graph.graph.dispatches()) {
          CAPTURE(whole.label);
          if (whole.cut.units == 0) {
            uncut.insert(whole.shader);
            continue;
          }
          // Reaches from all units in one piece down to one unit in each.
          std::uint64_t largest = 0;
          for (const PushValue& value : whole.push) largest = std::max(largest, value.kind == 'p' ? size_of(value) : 0);
          for (std::uint64_t reach = largest; reach > 0; reach = reach * 2 / 5) {
            std::vector<Dispatch> pieces;
            try {
              pieces = pieces_of(whole, reach, any_work);
            } catch (const InputError&) {
              break;  // not even a unit, or what all pieces share, is within reach
            }
            cut += pieces.size() > 1;
            for (std::uint32_t push = 0; push < whole.push.size(); ++push)
              if (!are_parts(whole, pieces, push))
                FAIL_CHECK("with a reach of ", reach, " pieces are not the whole in push constant ", push);
          }
        }
      }
  CHECK(cut > 1000);
  // Launches of exact workgroups are cut by the op; the others need all they see at once, or see little.
  const std::set<std::string> expected = {"experts/order",
                                          "experts/product",
                                          "experts/weight_gradient",
                                          "loss/mean_loss",
                                          "matmul/subgroup",
                                          "matmul/tiled",
                                          "optimizer/adamw",
                                          "optimizer/sgd",
                                          "optimizer/loss_weight",
                                          "optimizer/loss_guard",
                                          "optimizer/step_control",
                                          "optimizer/sum_squares",
                                          "optimizer/muon_direction",
                                          "optimizer/muon_normalise",
                                          "optimizer/muon_update",
                                          "statistics/cosine",
                                          "statistics/column_max",
                                          "statistics/column_max_merge",
                                          "statistics/non_finite",
                                          "statistics/mean_rows",
                                          "statistics/median_select"};
  CHECK_MESSAGE(uncut == expected, fmt::format("{}", fmt::join(uncut, " ")));
}

TEST_CASE("pieces of flat memory begin where vectors may") {
  const Caps caps = some_device("cpu");
  Graph graph(caps);
  const Tensor x = graph.input("x", {1000}, DType::f32), y = graph.tensor({1000}, DType::f32);
  graph.dispatch({.shader = "elementwise/store", .push = {x, y, std::uint64_t{1000}}, .cut = cut_elements(1000, {0, 1, 2}), .items = 1000});
  const std::vector<Dispatch> pieces = pieces_of(graph.dispatches().at(0), 200, any_work);
  REQUIRE(pieces.size() == 6);  // of 192, which is 3 times 64
  for (std::size_t i = 0; i < pieces.size(); ++i) CHECK(pieces[i].push.at(0).tensor.offset == 192 * 4 * i);
}

TEST_CASE("every op past 2^31 and 2^32 elements") {
  // By op, what it does not do in pieces. It says so, with the op's or the shader's name and the sizes.
  const std::set<std::string> refused_whole = {
      "massive activations", "column maxima", "mean of rows", "cosines", "mixture of experts", "mixture of experts, weights normed"};
  for (const char* type : {"cpu", "discrete"}) {
    for (const DType dtype : {DType::f32, DType::f16}) {
      for (const std::uint64_t past : {signed_indices, unsigned_indices}) {
        SampleSize size{.tokens = 512, .heads = 8, .head_dim = 64};
        size.batch = static_cast<std::uint32_t>(past / (size.tokens * size.width())) + 3;
        const Caps caps = some_device(type);
        ShaderLibrary library(caps);
        const bool first = past == signed_indices && dtype == DType::f32 && caps.is_cpu();
        for (const OpSample& sample : all_samples(dtype, size)) {
          // Many thousand chunks, and rows that are numbered on the host: once is enough.
          if (!first && (sample.name == "cross entropy of a linear layer" || sample.name == "cosines")) continue;
          CAPTURE(sample.name);
          CAPTURE(size.batch);
          CAPTURE(type);
          try {
            const SampleGraph graph(caps, sample, sample.has_gradient);
            CHECK_FALSE(refused_whole.contains(sample.name));
            check_reach(graph.graph, caps);
            check_written(graph.graph, library);
          } catch (const InputError& error) {
            const std::string message = error.what();
            CHECK_MESSAGE(refused_whole.contains(sample.name), message);
            const bool named = message.find("statistics/") != message.npos || message.find("median_abs") != message.npos ||
                               message.find("expert") != message.npos;
            CHECK_MESSAGE((named && says_size(message)), message);
          }
        }
      }
    }
  }
}

// Rows of few elements: counts of rows pass 32 bits before anything else does, and tokens and losses are many.
TEST_CASE("every op on more positions than 32 bits count says so") {
  const SampleSize size{.batch = 1u << 20, .tokens = 1u << 13, .heads = 1, .head_dim = 2};
  std::size_t said = 0;
  for (const OpSample& sample : all_samples(DType::f32, size)) {
    if (sample.name == "cosines") continue;  // numbers its rows on the host
    CAPTURE(sample.name);
    const Caps caps = some_device("discrete");
    ShaderLibrary library(caps);
    try {
      const SampleGraph graph(caps, sample, sample.has_gradient);
      check_reach(graph.graph, caps);
      check_written(graph.graph, library);
    } catch (const InputError& error) {
      const std::string message = error.what();
      CHECK_MESSAGE(says_size(message), message);
      ++said;
    }
  }
  CHECK(said > 0);
}

TEST_CASE("an arena of more than 2^32 parameters is updated whole, and decays where it should") {
  const Caps caps = some_device("discrete");
  for (const bool adam : {true, false}) {
    Graph graph(caps);
    const Shape shape{(1u << 27) + 5, 64};  // 2^33 elements and some
    const std::uint64_t count = ablate::size_of(shape);
    OptimizerArenas arenas{graph.input("p", shape, DType::f32), graph.input("g", shape, DType::f32), graph.input("m", shape, DType::f32)};
    if (adam) arenas.v = graph.input("v", shape, DType::f32);
    arenas.mirror = graph.input("mirror", shape, DType::bf16);
    OptimizerOptions options;
    options.decayed = {
        {0, 128}, {signed_indices - 64, 192}, {unsigned_indices + 4, unsigned_indices - 8}};  // across pieces, and whole ones
    const Tensor state = graph.input("state", {4}, DType::i32), lr = graph.input("lr", {1}, DType::f32);
    const StepControl control = step_control(graph, {arenas.gradients}, state, options);
    if (adam) adamw(graph, arenas, control, lr, options);
    else sgd(graph, arenas, control, lr, options);
    check_reach(graph, caps);
    ShaderLibrary library(caps);
    check_written(graph, library);

    std::vector<std::pair<std::uint64_t, std::uint64_t>> decays;  // from, to
    std::uint64_t summed = 0, updated = 0;
    for (const Dispatch& dispatch : graph.dispatches()) {
      if (dispatch.shader == "optimizer/sum_squares") {
        CHECK(dispatch.push[0].tensor.offset == 4 * summed);
        CHECK(dispatch.push[0].tensor.size() == dispatch.push[2].bits);
        CHECK(dispatch.push[3].bits * dispatch.push[4].bits >= dispatch.push[2].bits);
        summed += dispatch.push[2].bits;
      }
      if (dispatch.shader != "optimizer/adamw" && dispatch.shader != "optimizer/sgd") continue;
      const Tensor& table = dispatch.push[adam ? 7 : 6].tensor;
      const std::vector<float>& words = graph.storages()[table.storage].constant;
      for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::uint64_t from = updated + std::bit_cast<std::uint32_t>(words[i]),
                            to = updated + std::bit_cast<std::uint32_t>(words[i + 1]);
        if (from == to) continue;
        if (!decays.empty() && decays.back().second == from) decays.back().second = to;
        else decays.emplace_back(from, to);
      }
      CHECK(dispatch.push[0].tensor.offset == 4 * updated);
      CHECK(dispatch.push[adam ? 8 : 7].bits == dispatch.push[0].tensor.size());
      updated += dispatch.push[0].tensor.size();
    }
    CHECK(summed == count);
    CHECK(updated == count);
    decltype(decays) expected;
    for (const auto& [from, run] : options.decayed) expected.emplace_back(from, from + run);
    CHECK(decays == expected);
  }
}

TEST_CASE("sums of rows past the reach of a kernel are made in pieces that all arrive") {
  const Caps caps = some_device("discrete");
  ShaderLibrary library(caps);
  for (const Shape& shape : {Shape{200, 1u << 25}, {3, 1u << 30}, {100000, 1u << 16}, {(1u << 31) + 7, 3}}) {
    CAPTURE(to_string(shape));
    Graph graph(caps);
    const Tensor x = graph.input("x", shape, DType::f16);
    sum_rows(graph, x);
    check_reach(graph, caps);
    check_written(graph, library);
    // Every launch reads what the one before wrote, the first all of x.
    std::map<std::uint32_t, std::uint64_t> read;
    for (const Dispatch& dispatch : graph.dispatches()) {
      const Tensor& from = dispatch.push[0].tensor;
      CHECK(from.offset == read[from.storage]);
      CHECK(dispatch.push[2].bits * dispatch.push[3].bits == from.size());
      read[from.storage] += from.bytes();
    }
    for (const auto& [storage, bytes] : read) CHECK(bytes == graph.storages()[storage].bytes);
  }
  Graph graph(caps);
  CHECK_THROWS_WITH_AS(sum_rows(graph, graph.input("x", {3, (1u << 30) + 1}, DType::f32)), doctest::Contains("reduce/sum_rows"),
                       InputError);
}

TEST_CASE("sizes that cannot be counted are refused") {
  CHECK_THROWS_WITH_AS(ablate::size_of(Shape{1u << 31, 1u << 31, 1u << 31}), doctest::Contains("too many elements to count"), InputError);
  Graph graph(some_device("cpu"));
  const Tensor x = graph.input("x", {1u << 31, 4, 2}, DType::f32);
  CHECK_THROWS_WITH_AS(x.rows(),
                       "rows of a tensor of (2147483648, 4, 2): 8589934592 are too many for one dimension, which holds at most 4294967295",
                       InputError);
  CHECK_THROWS_AS(graph.slice(x, 1u << 31, 1u << 31), InputError);
  CHECK_THROWS_AS(PushValue(1ll << 31), InputError);
}

// As much as one allocation and a kernel's indices hold: the highest indices, at work.
TEST_CASE("the last elements within reach are reached") {
  const Device& device = test::pipelines().device();
  const Caps& caps = device.caps();
  if (caps.is_cpu() || !caps.storage16) return test::skip("the last elements within reach", "a GPU with 16-bit storage is wanted");
  const std::uint32_t columns = 1024;
  const auto rows = static_cast<std::uint32_t>(std::min(caps.max_elements, caps.max_allocation / 2) / columns);
  if (device.free_memory() < 4 * caps.max_allocation) return test::skip("the last elements within reach", "too little device memory");
  Graph graph(caps);
  const Tensor x = graph.tensor({rows, columns}, DType::f16), last = graph.slice(x, rows - 1, 1);
  fill(graph, x, 1);
  fill(graph, last, 3);
  const Tensor doubled = scale(graph, x, 2), sums = graph.keep(sum_rows(graph, doubled)), norms = graph.keep(row_norms(graph, doubled));
  Executor executor(test::pipelines(), graph);
  executor.run();
  // Whole numbers below 2^24: exact in f32 in any order.
  for (const float sum : executor.read_floats(sums)) CHECK(sum == 2.0f * static_cast<float>(rows - 1) + 6.0f);
  const std::vector<float> lengths = executor.read_floats(norms);
  CHECK(lengths.front() == 64.0f);
  CHECK(lengths.at(rows / 2) == 64.0f);
  CHECK(lengths.at(rows - 2) == 64.0f);
  CHECK(lengths.back() == 192.0f);
}
