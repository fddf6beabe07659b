#include "vulkan/device.h"

#include "base/error.h"
#include "base/file.h"
#include "vulkan/check.h"
#include "vulkan/compat.h"

#include <algorithm>
#include <cstring>

namespace ablate {
namespace {

std::uint32_t find_queue_family(VkPhysicalDevice physical) {
  std::uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  int best = -1;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
    const bool with_graphics = families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;
    if (best < 0 || with_graphics) best = static_cast<int>(i);  // the family that also draws is the one every driver tunes
    if (with_graphics) break;
  }
  if (best < 0) throw DeviceError("the device has no compute queue");
  return static_cast<std::uint32_t>(best);
}

bool has_extension(VkPhysicalDevice physical, const char* name) {
  std::uint32_t count = 0;
  check(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr), "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> all(count);
  check(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, all.data()), "vkEnumerateDeviceExtensionProperties");
  return std::any_of(all.begin(), all.end(), [&](const auto& e) { return std::strcmp(e.extensionName, name) == 0; });
}

}  // namespace

Device::Device(const Instance& instance, const DeviceOptions& options) : instance_(instance), table_(std::make_unique<VolkDeviceTable>()) {
  const Instance::Candidate& candidate = instance.choose(options.choice);
  caps_ = candidate.caps;
  caps_.mask(options.without);
  physical_ = candidate.handle;
  one_by_one_ = options.one_by_one;
  statistics_ = options.statistics && has_extension(physical_, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
  create(physical_);
  load_pipeline_cache();
}

void Device::create(VkPhysicalDevice physical) {
  queue_family_ = find_queue_family(physical);
  std::vector<const char*> extensions;
  VkPhysicalDeviceVulkan13Features v13{};
  v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  v13.subgroupSizeControl = v13.computeFullSubgroups = caps_.subgroup_size_control;
  v13.maintenance4 = v13.synchronization2 = VK_TRUE;
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v12.pNext = &v13;
  v12.bufferDeviceAddress = VK_TRUE;
  v12.shaderFloat16 = caps_.f16;
  v12.vulkanMemoryModel = caps_.coopmat;
  VkPhysicalDeviceVulkan11Features v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  v11.pNext = &v12;
  v11.storageBuffer16BitAccess = caps_.storage16;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &v11;
  features.features.shaderInt16 = caps_.storage16;

  VkPhysicalDeviceCooperativeMatrixFeaturesKHR coop{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, nullptr, VK_TRUE,
                                                    VK_FALSE};
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV coop2{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
                                                     nullptr,
                                                     VK_TRUE,
                                                     VK_TRUE,
                                                     VK_TRUE,
                                                     VK_TRUE,
                                                     VK_TRUE,
                                                     VK_TRUE,
                                                     VK_TRUE};
  VkPhysicalDeviceShaderBfloat16FeaturesKHR bf16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR, nullptr, VK_TRUE, VK_FALSE,
                                                 VK_TRUE};
  VkPhysicalDeviceFaultFeaturesEXT fault{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT, nullptr, VK_TRUE, VK_FALSE};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executables{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, nullptr, VK_TRUE};
  void** tail = &v13.pNext;
  const auto enable = [&](bool wanted, const char* name, auto& feature) {
    if (!wanted) return;
    extensions.push_back(name);
    *tail = &feature;
    tail = &feature.pNext;
  };
  device_fault_ = has_extension(physical, VK_EXT_DEVICE_FAULT_EXTENSION_NAME);
  enable(caps_.coopmat, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, coop);
  enable(caps_.coopmat_bf16, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, bf16);
  enable(caps_.coopmat2, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME, coop2);
  enable(statistics_, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME, executables);
  enable(device_fault_, VK_EXT_DEVICE_FAULT_EXTENSION_NAME, fault);
  memory_budget_ = has_extension(physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  if (memory_budget_) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  if (has_extension(physical, "VK_KHR_portability_subset")) extensions.push_back("VK_KHR_portability_subset");

  const float priority = 1.0f;
  const VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, queue_family_, 1, &priority};
  const VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,          &features,         0,      1, &queue, 0, nullptr,
                                static_cast<std::uint32_t>(extensions.size()), extensions.data(), nullptr};
  check(vkCreateDevice(physical, &info, nullptr, &handle_), fmt::format("vkCreateDevice on {}", caps_.device_name));
  volkLoadDeviceTable(table_.get(), handle_);
  table_->vkGetDeviceQueue(handle_, queue_family_, 0, &queue_);
}

Device::~Device() {
  if (!handle_) return;
  save_pipeline_cache();
  if (pipeline_cache_) table_->vkDestroyPipelineCache(handle_, pipeline_cache_, nullptr);
  if (fence_) table_->vkDestroyFence(handle_, fence_, nullptr);
  table_->vkDestroyDevice(handle_, nullptr);
}

std::uint32_t Device::lanes() const {
  const std::uint32_t wanted = caps_.is_cpu() ? caps_.subgroup_size : 256u;
  return std::min(wanted, caps_.max_invocations);
}

void Device::run(std::span<const VkCommandBuffer> commands) const {
  submit(commands);
  wait();
}

void Device::submit(std::span<const VkCommandBuffer> commands) const {
  const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};  // made late: a device that only compiles has none
  if (!fence_) check(table_->vkCreateFence(handle_, &fence, nullptr, &fence_), "vkCreateFence");
  const VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          nullptr,
                          0,
                          nullptr,
                          nullptr,
                          static_cast<std::uint32_t>(commands.size()),
                          commands.data(),
                          0,
                          nullptr};
  const VkResult result = table_->vkQueueSubmit(queue_, 1, &info, fence_);
  if (result == VK_ERROR_DEVICE_LOST) throw_lost();
  check(result, fmt::format("vkQueueSubmit on {}", caps_.device_name));
}

void Device::throw_lost() const {
  std::string report;
  if (device_fault_) {
    VkDeviceFaultCountsEXT counts{VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT, nullptr, 0, 0, 0};
    VkDeviceFaultInfoEXT info{VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT, nullptr, {}, nullptr, nullptr, nullptr};
    const VkResult told = table_->vkGetDeviceFaultInfoEXT(handle_, &counts, &info);
    if (told == VK_SUCCESS || told == VK_INCOMPLETE) report = info.description;
  }
  throw DeviceLost(fmt::format("the device {} was lost: {}{}", caps_.device_name, report.empty() ? "the driver gives no report" : report,
                               one_by_one_ ? "" : " (--one-by-one tells in which op; --resume goes on from the last checkpoint)"));
}

void Device::wait() const {
  const VkResult result = table_->vkWaitForFences(handle_, 1, &fence_, VK_TRUE, UINT64_MAX);
  if (result == VK_ERROR_DEVICE_LOST) throw_lost();
  check(result, fmt::format("vkWaitForFences on {}", caps_.device_name));
  check(table_->vkResetFences(handle_, 1, &fence_), "vkResetFences");
  instance_.throw_on_message();
}

int Device::memory_type(std::uint32_t bits, std::uint32_t flags) const {
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory);
  for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if ((bits >> i & 1u) && (memory.memoryTypes[i].propertyFlags & flags) == flags) return static_cast<int>(i);
  return -1;
}

std::uint64_t Device::free_memory() const {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT;
  VkPhysicalDeviceMemoryProperties2 memory{};
  memory.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
  memory.pNext = memory_budget_ ? &budget : nullptr;
  vkGetPhysicalDeviceMemoryProperties2(physical_, &memory);
  std::uint64_t best = 0;
  for (std::uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = memory.memoryProperties.memoryHeaps[i];
    if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)) continue;
    const std::uint64_t used = memory_budget_ ? budget.heapUsage[i] : 0, limit = memory_budget_ ? budget.heapBudget[i] : heap.size;
    best = std::max<std::uint64_t>(best, limit > used ? limit - used : 0);
  }
  return std::min(best, caps_.device_heap - std::min(caps_.device_heap, allocated_));
}

std::string Device::cache_file() const {
  return (cache_folder() / fmt::format("pipelines-{:08x}-{:08x}-{:08x}.bin", caps_.vendor_id, caps_.device_id, caps_.driver_version))
      .string();
}

void Device::load_pipeline_cache() {
  std::string content;
  std::error_code error;
  if (std::filesystem::exists(cache_file(), error)) content = read_text(cache_file());
  VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, nullptr, 0, content.size(), content.data()};
  if (table_->vkCreatePipelineCache(handle_, &info, nullptr, &pipeline_cache_) == VK_SUCCESS) return;
  info.initialDataSize = 0;  // a cache of another driver build: start afresh
  check(table_->vkCreatePipelineCache(handle_, &info, nullptr, &pipeline_cache_), "vkCreatePipelineCache");
}

void Device::save_pipeline_cache() const noexcept {
  try {
    std::size_t size = 0;
    check(table_->vkGetPipelineCacheData(handle_, pipeline_cache_, &size, nullptr), "vkGetPipelineCacheData");
    std::error_code error;
    if (std::filesystem::exists(cache_file(), error) && std::filesystem::file_size(cache_file(), error) >= size) return;
    std::string content(size, '\0');
    check(table_->vkGetPipelineCacheData(handle_, pipeline_cache_, &size, content.data()), "vkGetPipelineCacheData");
    std::filesystem::create_directories(cache_folder());
    write_atomically(cache_file(), content);
  } catch (const std::exception&) {
    return;  // only a cache: the next run compiles again
  }
}

}  // namespace ablate
