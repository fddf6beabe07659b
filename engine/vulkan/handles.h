// Names of the Vulkan handles, so that headers other layers include need no vulkan.h. All handles are pointers on 64-bit systems.
#pragma once

extern "C" {
typedef struct VkInstance_T* VkInstance;
typedef struct VkPhysicalDevice_T* VkPhysicalDevice;
typedef struct VkDevice_T* VkDevice;
typedef struct VkQueue_T* VkQueue;
typedef struct VkCommandBuffer_T* VkCommandBuffer;
typedef struct VkCommandPool_T* VkCommandPool;
typedef struct VkBuffer_T* VkBuffer;
typedef struct VkDeviceMemory_T* VkDeviceMemory;
typedef struct VkPipeline_T* VkPipeline;
typedef struct VkPipelineLayout_T* VkPipelineLayout;
typedef struct VkPipelineCache_T* VkPipelineCache;
typedef struct VkShaderModule_T* VkShaderModule;
typedef struct VkQueryPool_T* VkQueryPool;
typedef struct VkFence_T* VkFence;
typedef struct VkDebugUtilsMessengerEXT_T* VkDebugUtilsMessengerEXT;
struct VolkDeviceTable;
}

static_assert(sizeof(void*) == 8, "Ablate needs a 64-bit system");
