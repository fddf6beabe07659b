#include "vulkan/owned.h"

#include "vulkan/device.h"

#include <volk.h>

#include <type_traits>

namespace ablate {
namespace {

void destroy(const Device& d, VkBuffer handle) { d.vk().vkDestroyBuffer(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkDeviceMemory handle) { d.vk().vkFreeMemory(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkCommandPool handle) { d.vk().vkDestroyCommandPool(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkQueryPool handle) { d.vk().vkDestroyQueryPool(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkFence handle) { d.vk().vkDestroyFence(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkPipeline handle) { d.vk().vkDestroyPipeline(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkPipelineLayout handle) { d.vk().vkDestroyPipelineLayout(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkPipelineCache handle) { d.vk().vkDestroyPipelineCache(d.handle(), handle, nullptr); }
void destroy(const Device& d, VkShaderModule handle) { d.vk().vkDestroyShaderModule(d.handle(), handle, nullptr); }

// What only making a pipeline reads; the device never does.
template <class Handle>
constexpr bool for_the_host_only = std::is_same_v<Handle, VkShaderModule> || std::is_same_v<Handle, VkPipelineCache>;

}  // namespace

template <class Handle>
void Owned<Handle>::reset() noexcept {
  if (!handle_) return;
  if (!for_the_host_only<Handle>) device_->finish();
  destroy(*device_, std::exchange(handle_, nullptr));
}

template class Owned<VkBuffer>;
template class Owned<VkDeviceMemory>;
template class Owned<VkCommandPool>;
template class Owned<VkQueryPool>;
template class Owned<VkFence>;
template class Owned<VkPipeline>;
template class Owned<VkPipelineLayout>;
template class Owned<VkPipelineCache>;
template class Owned<VkShaderModule>;

}  // namespace ablate
