#include "vulkan/buffer.h"

#include "base/error.h"
#include "support/device.h"
#include "support/replaced_call.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("a buffer that cannot be made leaves nothing") {
  static int living;
  living = 0;
  const Device& device = pipelines().device();
  const std::uint64_t before = device.allocated();
  const ReplacedCall<&VolkDeviceTable::vkMapMemory> map(
      device, [](VkDevice, VkDeviceMemory, VkDeviceSize, VkDeviceSize, VkMemoryMapFlags, void**) -> VkResult { return VK_ERROR_UNKNOWN; });
  using Create = ReplacedCall<&VolkDeviceTable::vkCreateBuffer>;
  using Destroy = ReplacedCall<&VolkDeviceTable::vkDestroyBuffer>;
  using Allocate = ReplacedCall<&VolkDeviceTable::vkAllocateMemory>;
  using Free = ReplacedCall<&VolkDeviceTable::vkFreeMemory>;
  const Create create(device, [](VkDevice d, const VkBufferCreateInfo* info, const VkAllocationCallbacks* a, VkBuffer* out) -> VkResult {
    return ++living, Create::real()(d, info, a, out);
  });
  const Destroy destroy(device, [](VkDevice d, VkBuffer x, const VkAllocationCallbacks* a) { --living, Destroy::real()(d, x, a); });
  const Allocate allocate(
      device, [](VkDevice d, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* a, VkDeviceMemory* out) -> VkResult {
        return ++living, Allocate::real()(d, info, a, out);
      });
  const Free free(device, [](VkDevice d, VkDeviceMemory x, const VkAllocationCallbacks* a) { --living, Free::real()(d, x, a); });
  for (const MemoryKind kind : {MemoryKind::upload, MemoryKind::readback, MemoryKind::device}) {
    if (kind == MemoryKind::device && !device.caps().unified_memory) continue;  // not mapped there
    CHECK_THROWS_WITH_AS(Buffer(device, 64, kind, "the buffer"), doctest::Contains("the buffer"), RunError);
    CHECK(living == 0);
    CHECK(device.allocated() == before);
  }
}
