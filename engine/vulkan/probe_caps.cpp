#include "vulkan/probe_caps.h"

#include "base/error.h"
#include "vulkan/check.h"
#include "vulkan/compat.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ablate {
namespace {

std::string_view type_name(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "cpu";
    default: return "other";
  }
}

class Extensions {
 public:
  explicit Extensions(VkPhysicalDevice physical) {
    std::uint32_t count = 0;
    check(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr), "vkEnumerateDeviceExtensionProperties");
    properties_.resize(count);
    check(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, properties_.data()), "vkEnumerateDeviceExtensionProperties");
  }
  bool has(const char* name) const {
    return std::any_of(properties_.begin(), properties_.end(), [&](const auto& e) { return std::strcmp(e.extensionName, name) == 0; });
  }

 private:
  std::vector<VkExtensionProperties> properties_;
};

void probe_properties(VkPhysicalDevice physical, Caps& caps) {
  VkPhysicalDeviceVulkan13Properties v13{};
  v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES;
  VkPhysicalDeviceVulkan12Properties v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
  v12.pNext = &v13;
  VkPhysicalDeviceVulkan11Properties v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
  v11.pNext = &v12;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &v11;
  vkGetPhysicalDeviceProperties2(physical, &properties);

  const VkPhysicalDeviceProperties& p = properties.properties;
  caps.device_name = p.deviceName;
  caps.driver_name = v12.driverName;
  caps.driver_info = v12.driverInfo;
  caps.type = type_name(p.deviceType);
  caps.vendor_id = p.vendorID;
  caps.device_id = p.deviceID;
  caps.driver_id = static_cast<std::uint32_t>(v12.driverID);
  caps.driver_version = p.driverVersion;
  caps.api_version =
      fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(p.apiVersion), VK_API_VERSION_MINOR(p.apiVersion), VK_API_VERSION_PATCH(p.apiVersion));
  caps.subgroup_size = v11.subgroupSize;
  caps.min_subgroup_size = v13.minSubgroupSize;
  caps.max_subgroup_size = v13.maxSubgroupSize;
  const auto supports = [&](VkSubgroupFeatureFlags operation) {
    const auto wanted = VK_SUBGROUP_FEATURE_BASIC_BIT | operation;
    return (v11.subgroupSupportedOperations & wanted) == wanted && (v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
  };
  caps.subgroup_arithmetic = supports(VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
  caps.subgroup_ballot = supports(VK_SUBGROUP_FEATURE_BALLOT_BIT);
  caps.max_invocations = std::min(p.limits.maxComputeWorkGroupInvocations, p.limits.maxComputeWorkGroupSize[0]);
  caps.max_groups =
      std::min({p.limits.maxComputeWorkGroupCount[0], p.limits.maxComputeWorkGroupCount[1], p.limits.maxComputeWorkGroupCount[2]});
  caps.shared_memory = p.limits.maxComputeSharedMemorySize;
  caps.max_allocation = std::min(v11.maxMemoryAllocationSize, v13.maxBufferSize);
  caps.timestamp_period = p.limits.timestampComputeAndGraphics ? p.limits.timestampPeriod : 0.0f;
}

void probe_memory(VkPhysicalDevice physical, Caps& caps) {
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  for (std::uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      caps.device_heap = std::max<std::uint64_t>(caps.device_heap, memory.memoryHeaps[i].size);
  constexpr VkMemoryPropertyFlags unified =
      VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if ((memory.memoryTypes[i].propertyFlags & unified) == unified && (caps.type == "integrated" || caps.type == "cpu"))
      caps.unified_memory = true;
}

void probe_coop_shapes(VkInstance instance, VkPhysicalDevice physical, bool bf16, Caps& caps) {
  const auto enumerate = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  if (!enumerate) return;
  std::uint32_t count = 0;
  check(enumerate(physical, &count, nullptr), "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  std::vector<VkCooperativeMatrixPropertiesKHR> shapes(count);
  for (auto& shape : shapes) shape = {VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR, nullptr, 0, 0, 0, {}, {}, {}, {}, 0, {}};
  check(enumerate(physical, &count, shapes.data()), "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  for (const auto& s : shapes) {
    const bool is_bf16 = s.AType == VK_COMPONENT_TYPE_BFLOAT16_KHR;
    const bool input = s.AType == s.BType && (s.AType == VK_COMPONENT_TYPE_FLOAT16_KHR || (bf16 && is_bf16));
    const bool output = s.CType == s.ResultType && (s.CType == VK_COMPONENT_TYPE_FLOAT32_KHR || s.CType == VK_COMPONENT_TYPE_FLOAT16_KHR);
    if (input && output && s.scope == VK_SCOPE_SUBGROUP_KHR)
      caps.coop_shapes.push_back({s.MSize, s.NSize, s.KSize, is_bf16, s.CType == VK_COMPONENT_TYPE_FLOAT32_KHR});
  }
}

}  // namespace

std::string probe_caps(VkInstance instance, VkPhysicalDevice physical, Caps& caps) {
  VkPhysicalDeviceProperties basic{};
  vkGetPhysicalDeviceProperties(physical, &basic);
  caps.device_name = basic.deviceName;
  caps.type = type_name(basic.deviceType);
  if (basic.apiVersion < VK_API_VERSION_1_3) return "its driver is older than Vulkan 1.3";
  probe_properties(physical, caps);
  probe_memory(physical, caps);

  const Extensions extensions(physical);
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR coop{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, nullptr, 0, 0};
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV coop2{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV, nullptr, 0, 0, 0, 0, 0, 0, 0};
  VkPhysicalDeviceShaderBfloat16FeaturesKHR bf16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR, nullptr, 0, 0, 0};
  VkPhysicalDeviceVulkan13Features v13{};
  v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v12.pNext = &v13;
  VkPhysicalDeviceVulkan11Features v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  v11.pNext = &v12;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &v11;
  void** tail = &v13.pNext;
  const auto chain = [&](const char* name, auto& feature) {
    if (!extensions.has(name)) return;
    *tail = &feature;
    tail = &feature.pNext;
  };
  chain(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, coop);
  chain(VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME, coop2);
  chain(VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, bf16);
  vkGetPhysicalDeviceFeatures2(physical, &features);

  caps.storage16 = v11.storageBuffer16BitAccess && features.features.shaderInt16;
  caps.f16 = caps.storage16 && v12.shaderFloat16;
  caps.subgroup_size_control = v13.subgroupSizeControl && v13.computeFullSubgroups;
  if (coop.cooperativeMatrix && v12.vulkanMemoryModel) probe_coop_shapes(instance, physical, bf16.shaderBFloat16CooperativeMatrix, caps);
  const auto has_shape = [&](bool wanted) {
    return std::any_of(caps.coop_shapes.begin(), caps.coop_shapes.end(),
                       [&](const CoopShape& s) { return s.bf16 == wanted && s.accumulate32; });
  };
  caps.coopmat = caps.f16 && caps.subgroup_size_control && has_shape(false);
  caps.coopmat_bf16 = caps.coopmat && has_shape(true);
  caps.coopmat2 = caps.coopmat && coop2.cooperativeMatrixWorkgroupScope && coop2.cooperativeMatrixFlexibleDimensions &&
                  coop2.cooperativeMatrixTensorAddressing && coop2.cooperativeMatrixReductions && coop2.cooperativeMatrixConversions &&
                  coop2.cooperativeMatrixPerElementOperations && coop2.cooperativeMatrixBlockLoads;

  if (!v12.bufferDeviceAddress) return "it has no buffer device addresses";
  if (!v13.maintenance4 || !v13.synchronization2) return "it lacks a feature every Vulkan 1.3 device must have";
  return "";
}

}  // namespace ablate
