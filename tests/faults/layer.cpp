// A Vulkan layer that breaks a device on purpose, for tests of what happens then:
//   ABLATE_FAULT_LOST_AFTER=N    the N-th wait for the device, and every one after it, finds it lost
//   ABLATE_FAULT_LONGEST=MS      a submission that takes longer, from the device's start on it, loses the device
//   ABLATE_FAULT_MEMORY=BYTES    allocations beyond so many bytes fail
//   ABLATE_FAULT_CALL=NAME:N     the N-th call of the function NAME fails
//   ABLATE_FAULT_REPORT=FILE     a line for every failure made by ABLATE_FAULT_CALL, for everything destroyed between a submission and the wait for
//                                it, and for every kind of object that is left when the device goes
// It also offers VK_EXT_device_fault, with a report of its own.
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace {

PFN_vkGetInstanceProcAddr next_instance = nullptr;
PFN_vkGetDeviceProcAddr next_device = nullptr;
PFN_vkEnumerateDeviceExtensionProperties next_extensions = nullptr;
PFN_vkEnumeratePhysicalDevices next_devices = nullptr;
VkInstance instance = nullptr;
VkDevice device = nullptr;
unsigned long long waits = 0, allocated = 0;

std::mutex mutex;                           // pipelines are made by several threads
std::map<std::string, long> calls, living;  // by function; by the function that destroys
std::set<VkFence> in_flight;

void report(const std::string& line) {
  const char* name = std::getenv("ABLATE_FAULT_REPORT");
  FILE* file = name ? std::fopen(name, "a") : nullptr;
  if (!file) return;
  std::fprintf(file, "%s\n", line.c_str());
  std::fclose(file);
}

bool fails(const char* name) {
  const std::lock_guard lock(mutex);
  const char* wanted = std::getenv("ABLATE_FAULT_CALL");
  std::string call(name);
  call.append(":").append(std::to_string(++calls[name]));
  if (!wanted || wanted != call) return false;
  report(call.insert(0, "failed "));
  return true;
}

unsigned long long limit(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : ~0ull;
}

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(next_device(device, name));
}

// The loader's link to what lies below this layer.
template <class Info>
Info* link_of(const void* chain, VkStructureType type) {
  auto* info = static_cast<Info*>(const_cast<void*>(chain));
  while (info && !(info->sType == type && info->function == VK_LAYER_LINK_INFO)) info = static_cast<Info*>(const_cast<void*>(info->pNext));
  return info;
}

VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* create, const VkAllocationCallbacks* allocator,
                                               VkInstance* out) {
  auto* link = link_of<VkLayerInstanceCreateInfo>(create->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
  next_instance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  const VkResult result = reinterpret_cast<PFN_vkCreateInstance>(next_instance(nullptr, "vkCreateInstance"))(create, allocator, out);
  instance = *out;
  // Asked for here: later the loader would answer with this layer's own.
  next_devices = reinterpret_cast<PFN_vkEnumeratePhysicalDevices>(next_instance(instance, "vkEnumeratePhysicalDevices"));
  next_extensions =
      reinterpret_cast<PFN_vkEnumerateDeviceExtensionProperties>(next_instance(instance, "vkEnumerateDeviceExtensionProperties"));
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL enumerate_devices(VkInstance i, std::uint32_t* count, VkPhysicalDevice* out) {
  const char* name = "vkEnumeratePhysicalDevices";
  if (fails(name)) return VK_ERROR_INITIALIZATION_FAILED;  // as a driver without a device for it says
  return next_devices(i, count, out);
}

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo* create,
                                             const VkAllocationCallbacks* allocator, VkDevice* out) {
  auto* link = link_of<VkLayerDeviceCreateInfo>(create->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
  const auto below = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  next_device = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  std::vector<const char*> extensions;
  for (std::uint32_t i = 0; i < create->enabledExtensionCount; ++i)
    if (std::strcmp(create->ppEnabledExtensionNames[i], VK_EXT_DEVICE_FAULT_EXTENSION_NAME) != 0)
      extensions.push_back(create->ppEnabledExtensionNames[i]);
  VkDeviceCreateInfo without = *create;
  without.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  without.ppEnabledExtensionNames = extensions.data();
  for (auto* link_above = reinterpret_cast<VkBaseOutStructure*>(&without); link_above->pNext; link_above = link_above->pNext) {
    auto* feature = link_above->pNext;
    if (feature->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT) continue;
    link_above->pNext = feature->pNext;
    if (!link_above->pNext) break;
  }
  const VkResult result = reinterpret_cast<PFN_vkCreateDevice>(below(instance, "vkCreateDevice"))(physical, &without, allocator, out);
  device = *out;
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL enumerate_extensions(VkPhysicalDevice physical, const char* layer, std::uint32_t* count,
                                                    VkExtensionProperties* out) {
  std::uint32_t known = 0;
  next_extensions(physical, layer, &known, nullptr);
  std::vector<VkExtensionProperties> all(known);
  next_extensions(physical, layer, &known, all.data());
  VkExtensionProperties fault{};
  std::strcpy(fault.extensionName, VK_EXT_DEVICE_FAULT_EXTENSION_NAME);
  fault.specVersion = 1;
  all.push_back(fault);
  if (out) std::memcpy(out, all.data(), std::min<std::size_t>(*count, all.size()) * sizeof(VkExtensionProperties));
  *count = static_cast<std::uint32_t>(all.size());
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice d, std::uint32_t count, const VkFence* fences, VkBool32 all,
                                               std::uint64_t timeout) {
  const VkResult result = next<PFN_vkWaitForFences>("vkWaitForFences")(d, count, fences, all, timeout);
  for (std::uint32_t i = 0; i < count; ++i) in_flight.erase(fences[i]);
  if (fails("vkWaitForFences")) return VK_ERROR_UNKNOWN;
  return ++waits >= limit("ABLATE_FAULT_LOST_AFTER") ? VK_ERROR_DEVICE_LOST : result;
}

VKAPI_ATTR VkResult VKAPI_CALL fault_info(VkDevice, VkDeviceFaultCountsEXT* counts, VkDeviceFaultInfoEXT* info) {
  *counts = {VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT, counts->pNext, 0, 0, 0};
  if (info) std::strcpy(info->description, "made up by the fault layer");
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice d, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* allocator,
                                               VkDeviceMemory* out) {
  if (fails("vkAllocateMemory")) return VK_ERROR_UNKNOWN;
  if (allocated + info->allocationSize > limit("ABLATE_FAULT_MEMORY")) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  allocated += info->allocationSize;
  const VkResult result = next<PFN_vkAllocateMemory>("vkAllocateMemory")(d, info, allocator, out);
  living["vkFreeMemory"] += result == VK_SUCCESS;
  return result;
}

// A function of the device that fails when asked to, and else does what it does.
template <auto& name, class... Arguments>
VKAPI_ATTR VkResult VKAPI_CALL failing(Arguments... arguments) {
  if (fails(name)) return VK_ERROR_UNKNOWN;
  return next<VkResult(VKAPI_PTR*)(Arguments...)>(name)(arguments...);
}

template <auto& name, auto& destroyer, class Info, class Handle>
VKAPI_ATTR VkResult VKAPI_CALL create(VkDevice d, const Info* info, const VkAllocationCallbacks* allocator, Handle* out) {
  if (fails(name)) return VK_ERROR_UNKNOWN;
  const VkResult result =
      next<VkResult(VKAPI_PTR*)(VkDevice, const Info*, const VkAllocationCallbacks*, Handle*)>(name)(d, info, allocator, out);
  const std::lock_guard lock(mutex);
  living[destroyer] += result == VK_SUCCESS;
  return result;
}

template <auto& name, class Handle>
VKAPI_ATTR void VKAPI_CALL destroy(VkDevice d, Handle handle, const VkAllocationCallbacks* allocator) {
  if (handle) {
    const std::lock_guard lock(mutex);
    --living[name];
    if (!in_flight.empty()) report(std::string(name).append(" while the device works"));
  }
  next<void(VKAPI_PTR*)(VkDevice, Handle, const VkAllocationCallbacks*)>(name)(d, handle, allocator);
}

VKAPI_ATTR VkResult VKAPI_CALL create_pipelines(VkDevice d, VkPipelineCache cache, std::uint32_t count,
                                                const VkComputePipelineCreateInfo* infos, const VkAllocationCallbacks* allocator,
                                                VkPipeline* out) {
  const char* name = "vkCreateComputePipelines";
  if (fails(name)) return VK_ERROR_UNKNOWN;
  const VkResult result = next<PFN_vkCreateComputePipelines>(name)(d, cache, count, infos, allocator, out);
  const std::lock_guard lock(mutex);
  living["vkDestroyPipeline"] += result == VK_SUCCESS ? count : 0;
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, std::uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  if (fails("vkQueueSubmit")) return VK_ERROR_UNKNOWN;
  {
    const std::lock_guard lock(mutex);
    if (!in_flight.insert(fence).second) report("a fence for two submissions");
  }
  const auto do_submit = next<PFN_vkQueueSubmit>("vkQueueSubmit");
  if (!std::getenv("ABLATE_FAULT_LONGEST")) return do_submit(queue, count, infos, fence);
  const auto wait = next<PFN_vkQueueWaitIdle>("vkQueueWaitIdle");
  wait(queue);
  const auto start = std::chrono::steady_clock::now();
  const VkResult result = do_submit(queue, count, infos, fence);
  wait(queue);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  if (result != VK_SUCCESS || static_cast<unsigned long long>(took) <= limit("ABLATE_FAULT_LONGEST")) return result;
  report("a submission of " + std::to_string(took) + " ms");
  return VK_ERROR_DEVICE_LOST;
}

VKAPI_ATTR VkResult VKAPI_CALL wait_idle(VkDevice d) {
  const std::lock_guard lock(mutex);
  in_flight.clear();
  return next<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(d);
}

VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice d, const VkAllocationCallbacks* allocator) {
  for (const auto& [name, count] : living)
    if (count != 0) report(std::to_string(count).append(" left for ").append(name));
  living.clear();
  next<PFN_vkDestroyDevice>("vkDestroyDevice")(d, allocator);
}

// A name that can be a template's argument.
#define NAME(function) constexpr char name_##function[] = #function
NAME(vkCreateBuffer);
NAME(vkDestroyBuffer);
NAME(vkFreeMemory);
NAME(vkCreateCommandPool);
NAME(vkDestroyCommandPool);
NAME(vkCreateQueryPool);
NAME(vkDestroyQueryPool);
NAME(vkCreateFence);
NAME(vkDestroyFence);
NAME(vkDestroyPipeline);
NAME(vkCreatePipelineLayout);
NAME(vkDestroyPipelineLayout);
NAME(vkCreatePipelineCache);
NAME(vkDestroyPipelineCache);
NAME(vkCreateShaderModule);
NAME(vkDestroyShaderModule);
NAME(vkBindBufferMemory);
NAME(vkMapMemory);
NAME(vkAllocateCommandBuffers);
NAME(vkBeginCommandBuffer);
NAME(vkEndCommandBuffer);
NAME(vkResetFences);
NAME(vkGetPipelineCacheData);

#define CREATE(thing, Info)                                                                                                             \
  {name_vkCreate##thing, reinterpret_cast<PFN_vkVoidFunction>(create<name_vkCreate##thing, name_vkDestroy##thing, Info, Vk##thing>)}, { \
    name_vkDestroy##thing, reinterpret_cast<PFN_vkVoidFunction>(destroy<name_vkDestroy##thing, Vk##thing>)                              \
  }
#define FAIL(function, ...) \
  { name_##function, reinterpret_cast<PFN_vkVoidFunction>(failing<name_##function, __VA_ARGS__>) }

PFN_vkVoidFunction own(const char* name) {
  const struct {
    const char* name;
    PFN_vkVoidFunction function;
  } all[] = {CREATE(Buffer, VkBufferCreateInfo),
             CREATE(CommandPool, VkCommandPoolCreateInfo),
             CREATE(QueryPool, VkQueryPoolCreateInfo),
             CREATE(Fence, VkFenceCreateInfo),
             CREATE(PipelineLayout, VkPipelineLayoutCreateInfo),
             CREATE(PipelineCache, VkPipelineCacheCreateInfo),
             CREATE(ShaderModule, VkShaderModuleCreateInfo),
             {"vkFreeMemory", reinterpret_cast<PFN_vkVoidFunction>(destroy<name_vkFreeMemory, VkDeviceMemory>)},
             {"vkCreateComputePipelines", reinterpret_cast<PFN_vkVoidFunction>(create_pipelines)},
             {"vkDestroyPipeline", reinterpret_cast<PFN_vkVoidFunction>(destroy<name_vkDestroyPipeline, VkPipeline>)},
             FAIL(vkBindBufferMemory, VkDevice, VkBuffer, VkDeviceMemory, VkDeviceSize),
             FAIL(vkMapMemory, VkDevice, VkDeviceMemory, VkDeviceSize, VkDeviceSize, VkMemoryMapFlags, void**),
             FAIL(vkAllocateCommandBuffers, VkDevice, const VkCommandBufferAllocateInfo*, VkCommandBuffer*),
             FAIL(vkBeginCommandBuffer, VkCommandBuffer, const VkCommandBufferBeginInfo*),
             FAIL(vkEndCommandBuffer, VkCommandBuffer),
             FAIL(vkResetFences, VkDevice, std::uint32_t, const VkFence*),
             FAIL(vkGetPipelineCacheData, VkDevice, VkPipelineCache, std::size_t*, void*),
             {"vkQueueSubmit", reinterpret_cast<PFN_vkVoidFunction>(submit)},
             {"vkDeviceWaitIdle", reinterpret_cast<PFN_vkVoidFunction>(wait_idle)},
             {"vkDestroyDevice", reinterpret_cast<PFN_vkVoidFunction>(destroy_device)},
             {"vkCreateInstance", reinterpret_cast<PFN_vkVoidFunction>(create_instance)},
             {"vkEnumeratePhysicalDevices", reinterpret_cast<PFN_vkVoidFunction>(enumerate_devices)},
             {"vkCreateDevice", reinterpret_cast<PFN_vkVoidFunction>(create_device)},
             {"vkEnumerateDeviceExtensionProperties", reinterpret_cast<PFN_vkVoidFunction>(enumerate_extensions)},
             {"vkWaitForFences", reinterpret_cast<PFN_vkVoidFunction>(wait_for_fences)},
             {"vkGetDeviceFaultInfoEXT", reinterpret_cast<PFN_vkVoidFunction>(fault_info)},
             {"vkAllocateMemory", reinterpret_cast<PFN_vkVoidFunction>(allocate_memory)}};
  for (const auto& entry : all)
    if (std::strcmp(entry.name, name) == 0) return entry.function;
  return nullptr;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice d, const char* name) {
  if (const auto function = own(name)) return function;
  return next_device ? next_device(d, name) : nullptr;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance i, const char* name) {
  if (std::strcmp(name, "vkGetDeviceProcAddr") == 0) return reinterpret_cast<PFN_vkVoidFunction>(device_proc);
  if (const auto function = own(name)) return function;
  return next_instance ? next_instance(i, name) : nullptr;
}

}  // namespace

extern "C" VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface* version) {
  version->loaderLayerInterfaceVersion = 2;
  version->pfnGetInstanceProcAddr = instance_proc;
  version->pfnGetDeviceProcAddr = device_proc;
  version->pfnGetPhysicalDeviceProcAddr = nullptr;
  return VK_SUCCESS;
}
