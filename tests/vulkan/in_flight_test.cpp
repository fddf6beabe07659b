// Nothing goes that the device may still touch, whatever dies first and whatever is thrown.
#include "graph/executor.h"
#include "ops/scale.h"
#include "support/device.h"
#include "support/replaced_call.h"

#include <doctest/doctest.h>

#include <optional>
#include <set>

using namespace ablate;
using namespace ablate::test;

namespace {

/// Which calls destroyed something between a submission and the wait for it.
class Watch {
 public:
  explicit Watch(const Device& device)
      : submit_(device, submit),
        wait_(device, wait),
        idle_(device, idle),
        buffer_(device, buffer),
        memory_(device, memory),
        pool_(device, pool),
        fence_(device, fence),
        pipeline_(device, pipeline) {
    in_flight.clear();
    early.clear();
  }

  static inline std::set<VkFence> in_flight;
  static inline std::set<std::string> early;

 private:
  static void destroyed(const char* call) {
    if (!in_flight.empty()) early.insert(call);
  }
  static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, std::uint32_t count, const VkSubmitInfo* infos, VkFence f) {
    CHECK(in_flight.insert(f).second);  // a fence of its own
    return Submit::real()(queue, count, infos, f);
  }
  static VKAPI_ATTR VkResult VKAPI_CALL wait(VkDevice d, std::uint32_t count, const VkFence* fences, VkBool32 all, std::uint64_t time) {
    for (std::uint32_t i = 0; i < count; ++i) in_flight.erase(fences[i]);
    return Wait::real()(d, count, fences, all, time);
  }
  static VKAPI_ATTR VkResult VKAPI_CALL idle(VkDevice d) {
    in_flight.clear();
    return Idle::real()(d);
  }
  static VKAPI_ATTR void VKAPI_CALL buffer(VkDevice d, VkBuffer x, const VkAllocationCallbacks* a) {
    destroyed("vkDestroyBuffer"), DestroyBuffer::real()(d, x, a);
  }
  static VKAPI_ATTR void VKAPI_CALL memory(VkDevice d, VkDeviceMemory x, const VkAllocationCallbacks* a) {
    destroyed("vkFreeMemory"), FreeMemory::real()(d, x, a);
  }
  static VKAPI_ATTR void VKAPI_CALL pool(VkDevice d, VkCommandPool x, const VkAllocationCallbacks* a) {
    destroyed("vkDestroyCommandPool"), DestroyPool::real()(d, x, a);
  }
  static VKAPI_ATTR void VKAPI_CALL fence(VkDevice d, VkFence x, const VkAllocationCallbacks* a) {
    destroyed("vkDestroyFence"), DestroyFence::real()(d, x, a);
  }
  static VKAPI_ATTR void VKAPI_CALL pipeline(VkDevice d, VkPipeline x, const VkAllocationCallbacks* a) {
    destroyed("vkDestroyPipeline"), DestroyPipeline::real()(d, x, a);
  }

  using Submit = ReplacedCall<&VolkDeviceTable::vkQueueSubmit>;
  using Wait = ReplacedCall<&VolkDeviceTable::vkWaitForFences>;
  using Idle = ReplacedCall<&VolkDeviceTable::vkDeviceWaitIdle>;
  using DestroyBuffer = ReplacedCall<&VolkDeviceTable::vkDestroyBuffer>;
  using FreeMemory = ReplacedCall<&VolkDeviceTable::vkFreeMemory>;
  using DestroyPool = ReplacedCall<&VolkDeviceTable::vkDestroyCommandPool>;
  using DestroyFence = ReplacedCall<&VolkDeviceTable::vkDestroyFence>;
  using DestroyPipeline = ReplacedCall<&VolkDeviceTable::vkDestroyPipeline>;
  Submit submit_;
  Wait wait_;
  Idle idle_;
  DestroyBuffer buffer_;
  FreeMemory memory_;
  DestroyPool pool_;
  DestroyFence fence_;
  DestroyPipeline pipeline_;
};

/// Work long enough to be there still when the next line runs.
struct Long {
  Graph graph;
  Tensor x, y;

  explicit Long(std::uint64_t address = 0) : graph(pipelines().device().caps()) {
    const Shape shape{1u << 20};
    y = x = address ? graph.external("x", shape, DType::f32, address) : graph.input("x", shape, DType::f32);
    for (int i = 0; i < 8; ++i) y = scale(graph, y, 2);
    graph.keep(y);
  }
};

}  // namespace

TEST_CASE("an executor that dies waits for its device") {
  const Watch watch(pipelines().device());
  const Long work;
  {
    Executor executor(pipelines(), work.graph);
    executor.submit();
  }
  CHECK(Watch::early.empty());
  CHECK(Watch::in_flight.empty());
}

TEST_CASE("memory that a submitted graph reads outlives it, in whatever order the owners die") {
  const Watch watch(pipelines().device());
  std::optional<Buffer> buffer(std::in_place, pipelines().device(), 4ull << 20, MemoryKind::device, "x");
  const Long work(buffer->address());
  Executor executor(pipelines(), work.graph);
  executor.submit();
  buffer.reset();
  CHECK(Watch::early.empty());
  executor.wait();
}

TEST_CASE("an exception between submission and wait") {
  const Watch watch(pipelines().device());
  const Long work;
  const auto fail = [&] {
    Executor executor(pipelines(), work.graph);
    executor.submit();
    throw RunError("the data end here");
  };
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(fail(), RunError);
  CHECK(Watch::early.empty());

  Executor healthy(pipelines(), work.graph);
  healthy.write_floats(work.x, std::vector<float>(1u << 20, 1.0f));
  healthy.run();
  CHECK(healthy.read_floats(work.y) == std::vector<float>(1u << 20, 256.0f));
}

TEST_CASE("a step that was given up is waited for before the next") {
  const Watch watch(pipelines().device());
  const Long work;
  Executor executor(pipelines(), work.graph);
  for (int i = 0; i < 3; ++i) executor.submit();
  CHECK(Watch::in_flight.size() == executor.pieces());
  executor.wait();
  CHECK(Watch::in_flight.empty());
  executor.wait();  // there is nothing to wait for
}

TEST_CASE("the host does not touch memory that the device works on") {
  const Watch watch(pipelines().device());
  const Long work;
  Executor executor(pipelines(), work.graph);
  executor.submit();
  executor.read_floats(work.y);
  CHECK(Watch::in_flight.empty());
  executor.submit();
  executor.write_floats(work.x, std::vector<float>(1u << 20));
  CHECK(Watch::in_flight.empty());
}

TEST_CASE("a wait that finds the device lost leaves nothing in flight, and nothing dies before") {
  static int waits;
  waits = 0;
  const Watch watch(pipelines().device());
  const Long work;
  {
    Executor executor(pipelines(), work.graph);
    executor.submit();
    const ReplacedCall<&VolkDeviceTable::vkWaitForFences> lost(
        pipelines().device(), [](VkDevice, std::uint32_t, const VkFence*, VkBool32, std::uint64_t) -> VkResult {
          ++waits;
          return VK_ERROR_DEVICE_LOST;
        });
    CHECK_THROWS_AS(executor.wait(), DeviceLost);
    executor.wait();  // told once
  }
  CHECK(waits == 1);
  CHECK(Watch::early.empty());
  CHECK(Watch::in_flight.empty());
}

static_assert(!std::is_copy_constructible_v<Recorder> && std::is_move_constructible_v<Recorder>);
static_assert(!std::is_copy_constructible_v<Commands> && !std::is_copy_constructible_v<Submission> &&
              !std::is_copy_constructible_v<Buffer>);
static_assert(!std::is_copy_constructible_v<Transfer> && !std::is_copy_constructible_v<Pipeline>);
