// A graph's launches in several submissions: the same bits, and none is lost unnoticed.
#include "base/error.h"
#include "graph/executor.h"
#include "ops/scale.h"
#include "support/device.h"
#include "support/replaced_call.h"
#include "vulkan/instance.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace ablate;
using namespace ablate::test;

namespace {

/// Many launches of some megabytes each.
struct Chain {
  Graph graph;
  Tensor x, y;

  explicit Chain(const Caps& caps) : graph(caps) {
    y = x = graph.input("x", {1u << 18}, DType::f32);
    for (int i = 0; i < 64; ++i) y = scale(graph, y, i % 2 == 0 ? 3.0f : 0.3f);
    graph.keep(y);
  }
};

std::vector<float> run(Executor& executor, const Chain& chain) {
  std::vector<float> values(1u << 18);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000) - 500.5f;
  executor.write_floats(chain.x, values);
  executor.run();
  return executor.read_floats(chain.y);
}

}  // namespace

TEST_CASE("launches are cut where the next would take too long, and a long one stands alone") {
  using Ends = std::vector<std::size_t>;
  CHECK(ends_of_pieces({}, 1) == Ends{0});
  CHECK(ends_of_pieces({0.5, 0.5, 0.5}, 1) == Ends{2, 3});
  CHECK(ends_of_pieces({0.1, 5, 0.1, 0.1}, 1) == Ends{1, 2, 4});
  CHECK(ends_of_pieces({5, 5}, 1) == Ends{1, 2});
  CHECK(ends_of_pieces({0.2, 0.2, 0.2}, 1) == Ends{3});
}

TEST_CASE("short submissions have the bits of one long one") {
  const Device& device = pipelines().device();
  const Chain chain(device.caps());
  Executor whole(pipelines(), chain.graph);
  const std::vector<float> expected = run(whole, chain);

  const char* without = std::getenv("ABLATE_TEST_WITHOUT");
  const Device short_of_time(device.instance(),
                             {.choice = device.caps().device_name, .without = fmt::format("{},submission=1", without ? without : "")});
  Pipelines others(short_of_time);
  Executor pieces(others, chain.graph);
  const std::size_t at_first = pieces.pieces();
  CHECK(at_first > 1);
  for (int i = 0; i < 5; ++i) CHECK(run(pieces, chain) == expected);  // cut again after the first, as it was measured
  CHECK(pieces.pieces() >= 1);
}

TEST_CASE("with a profile every launch has its time, in whichever submission it is") {
  const Device& device = pipelines().device();
  if (device.caps().timestamp_period == 0) return skip("times of launches", "the device has no timestamps");
  const Chain chain(device.caps());
  Executor executor(pipelines(), chain.graph, {.profile = true});
  executor.run();
  CHECK(executor.times().size() == chain.graph.dispatches().size());
}

TEST_CASE("a submission that a system ended without a word is noticed") {
  const Chain chain(pipelines().device().caps());
  Executor executor(pipelines(), chain.graph);
  run(executor, chain);
  {
    const ReplacedCall<&VolkDeviceTable::vkQueueSubmit> cut_off(
        pipelines().device(), [](VkQueue queue, std::uint32_t, const VkSubmitInfo*, VkFence fence) -> VkResult {
          return ReplacedCall<&VolkDeviceTable::vkQueueSubmit>::real()(queue, 0, nullptr, fence);  // the fence comes, the work was not done
        });
    CHECK_THROWS_WITH_AS(executor.run(), doctest::Contains("before it was done, and reported no error"), DeviceLost);
  }
  executor.run();
}
