#include "vulkan/device.h"

#include "base/cache.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/prune_cache.h"
#include "vulkan/check.h"
#include "vulkan/compat.h"

#include <algorithm>
#include <cstring>
#include <utility>

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

Device::Device(const Instance& instance) : instance_(instance), table_(std::make_unique<VolkDeviceTable>()) {}

// Delegates, so that the destructor runs when a later step fails.
Device::Device(const Instance& instance, const DeviceOptions& options) : Device(instance) {
  const Instance::Candidate& candidate = instance.choose(options.choice);
  caps_ = candidate.caps;
  caps_.mask(options.without);
  speed_ = std::make_unique<const DeviceSpeed>(caps_);
  physical_ = candidate.handle;
  one_by_one_ = options.one_by_one;
  const bool few_registers = caps_.registers < 256;  // where kernels that spill are to be found out
  statistics_ = (options.statistics || few_registers) && has_extension(physical_, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
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
  const VkResult result = vkCreateDevice(physical, &info, nullptr, &handle_);
  if (result != VK_SUCCESS)
    throw DeviceError(fmt::format("{} cannot be used: its driver refuses to start it ({})", caps_.device_name, name_of(result)));
  volkLoadDeviceTable(table_.get(), handle_);
  table_->vkGetDeviceQueue(handle_, queue_family_, 0, &queue_);
}

Device::~Device() {
  if (!handle_) return;
  finish();
  if (pipeline_cache_) save_pipeline_cache();
  pipeline_cache_.reset();
  idle_fences_.clear();
  table_->vkDestroyDevice(handle_, nullptr);
}

std::uint32_t Device::lanes() const {
  const std::uint32_t wanted = caps_.is_cpu() ? caps_.subgroup_size : 256u;
  return std::min(wanted, caps_.max_invocations);
}

void Device::run(std::span<const VkCommandBuffer> commands) const { submit(commands).wait(); }

Owned<VkFence> Device::idle_fence() const {
  Owned<VkFence> fence;
  if (!idle_fences_.empty()) {
    fence = std::move(idle_fences_.back());
    idle_fences_.pop_back();
    return fence;
  }
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
  check(table_->vkCreateFence(handle_, &info, nullptr, fence.on(*this)), "vkCreateFence");
  return fence;
}

Submission Device::submit(std::span<const VkCommandBuffer> commands) const {
  Submission submission;
  submission.device_ = this;
  submission.fence_ = idle_fence();
  const VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          nullptr,
                          0,
                          nullptr,
                          nullptr,
                          static_cast<std::uint32_t>(commands.size()),
                          commands.data(),
                          0,
                          nullptr};
  const std::lock_guard lock(in_flight_mutex_);
  in_flight_.push_back(submission.fence_);  // before the device has it: nothing can fail afterwards
  const VkResult result = table_->vkQueueSubmit(queue_, 1, &info, submission.fence_);
  if (result == VK_SUCCESS) return submission;
  in_flight_.pop_back();
  if (result == VK_ERROR_DEVICE_LOST) throw_lost();
  check(result, fmt::format("vkQueueSubmit on {}", caps_.device_name));
  return submission;
}

void Device::finish() const noexcept {
  const std::lock_guard lock(in_flight_mutex_);
  if (in_flight_.empty()) return;
  table_->vkDeviceWaitIdle(handle_);  // a lost device has stopped, too
  in_flight_.clear();
}

void Submission::wait() {
  if (!fence_) return;
  const Device& device = *device_;
  Owned<VkFence> fence = std::move(fence_);
  const VkFence handle = fence;
  const VkResult result = device.vk().vkWaitForFences(device.handle(), 1, &handle, VK_TRUE, UINT64_MAX);
  if (result != VK_SUCCESS) device.finish();
  if (result == VK_ERROR_DEVICE_LOST) device.throw_lost();
  check(result, fmt::format("vkWaitForFences on {}", device.caps().device_name));
  {
    const std::lock_guard lock(device.in_flight_mutex_);
    std::erase(device.in_flight_, handle);
  }
  check(device.vk().vkResetFences(device.handle(), 1, &handle), "vkResetFences");
  device.idle_fences_.push_back(std::move(fence));
  device.instance_.throw_on_message();
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

CacheFile Device::cache_file() const {
  return CacheFile(fmt::format("pipelines-{:08x}-{:08x}-{:08x}.bin", caps_.vendor_id, caps_.device_id, caps_.driver_version));
}

// Whether this build of the driver wrote it: some take whatever they are given.
bool Device::fits(std::span<const std::byte> cached) const {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(physical_, &properties);
  VkPipelineCacheHeaderVersionOne header{};
  if (cached.size() < sizeof(header)) return false;
  std::memcpy(&header, cached.data(), sizeof(header));
  return header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && header.vendorID == properties.vendorID &&
         header.deviceID == properties.deviceID && std::memcmp(header.pipelineCacheUUID, properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

// A thousand pipelines of a GPU take some 20 MB; a file of more than this holds mostly those of shaders that have changed since.
static constexpr std::size_t most_cached_bytes = 128u << 20;
static constexpr std::size_t most_cached_drivers = 8;  // devices times versions of their drivers

void Device::load_pipeline_cache() {
  const auto cached = cache_file().read();
  const bool usable = cached && cached->bytes().size() <= most_cached_bytes && fits(cached->bytes());
  if (usable) saved_ = hash_bytes(cached->bytes());
  VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, nullptr, 0, usable ? cached->bytes().size() : 0,
                                 usable ? cached->bytes().data() : nullptr};
  if (table_->vkCreatePipelineCache(handle_, &info, nullptr, pipeline_cache_.on(*this)) == VK_SUCCESS) return;
  info.initialDataSize = 0;
  check(table_->vkCreatePipelineCache(handle_, &info, nullptr, pipeline_cache_.on(*this)), "vkCreatePipelineCache");
}

std::vector<std::byte> Device::pipeline_cache_data() const {
  std::size_t size = 0;
  check(table_->vkGetPipelineCacheData(handle_, pipeline_cache_, &size, nullptr), "vkGetPipelineCacheData");
  std::vector<std::byte> data(size);
  check(table_->vkGetPipelineCacheData(handle_, pipeline_cache_, &size, data.data()), "vkGetPipelineCacheData");
  data.resize(size);
  return data;
}

std::string Device::save_pipeline_cache() const noexcept {
  try {
    const CacheFile file = cache_file();
    if (const auto data = pipeline_cache_data(); hash_bytes(data) == saved_) return "";
    const std::string trouble = file.keep([&](const CacheFile::Sink& sink) {
      const auto cached = file.read();
      const bool small = cached && cached->bytes().size() <= most_cached_bytes;
      if (small && fits(cached->bytes()) && hash_bytes(cached->bytes()) != saved_) {  // another process has been here
        const VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, nullptr, 0, cached->bytes().size(),
                                             cached->bytes().data()};
        Owned<VkPipelineCache> others;
        check(table_->vkCreatePipelineCache(handle_, &info, nullptr, others.on(*this)), "vkCreatePipelineCache");
        const VkPipelineCache source = others;
        check(table_->vkMergePipelineCaches(handle_, pipeline_cache_, 1, &source), "vkMergePipelineCaches");
      }
      const std::vector<std::byte> data = pipeline_cache_data();
      saved_ = hash_bytes(data);
      sink(data);
      return true;
    });
    prune_cache("pipelines-", most_cached_drivers);
    return trouble;
  } catch (const std::exception& error) {
    return error.what();  // the driver's own failure: the next run compiles again
  }
}

}  // namespace ablate
