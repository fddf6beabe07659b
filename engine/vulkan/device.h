// A logical device with its one compute queue, and buffers on it.
#pragma once

#include "vulkan/caps.h"
#include "vulkan/handles.h"
#include "vulkan/instance.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ablate {

/// What `--without` and its TOML key mask, and which device to take.
struct DeviceOptions {
  std::string choice;       ///< "", a number, or part of a name
  std::string without;      ///< Caps::mask list
  bool one_by_one = false;  ///< dispatches are run one at a time, so that a lost device can be blamed on one
  bool statistics = false;  ///< keep what the driver tells about its pipelines, where it does (Pipelines::statistics)
};

class Device {
 public:
  /// Throws DeviceError when the choice does not exist or is unfit.
  Device(const Instance& instance, const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Instance& instance() const { return instance_; }
  const Caps& caps() const { return caps_; }
  VkDevice handle() const { return handle_; }
  const VolkDeviceTable& vk() const { return *table_; }
  VkPipelineCache pipeline_cache() const { return pipeline_cache_; }
  std::uint32_t queue_family() const { return queue_family_; }

  /// Invocations of a workgroup of a row kernel: one subgroup on a CPU (no barriers there), 256 on a GPU.
  std::uint32_t lanes() const;

  /// Runs recorded command buffers in order and waits. Throws DeviceLost with the driver's report if there is one, and RunError on a
  /// message of the validation layer.
  void run(std::span<const VkCommandBuffer> commands) const;

  /// The same without waiting; wait() before the next use of anything they touch.
  void submit(std::span<const VkCommandBuffer> commands) const;
  void wait() const;

  bool one_by_one() const { return one_by_one_; }
  /// Whether pipelines are made with their statistics.
  bool statistics() const { return statistics_; }

  /// Index of a memory type with `flags` among `bits`, or -1.
  int memory_type(std::uint32_t bits, std::uint32_t flags) const;

  /// Bytes of the device-local heap free for this process now (VK_EXT_memory_budget), or its size where the driver does not tell.
  std::uint64_t free_memory() const;

  /// Bytes of MemoryKind::device that this process's buffers hold now, and the most they have held since reset_most_allocated().
  std::uint64_t allocated() const { return allocated_; }
  std::uint64_t most_allocated() const { return most_allocated_; }
  void reset_most_allocated() const { most_allocated_ = allocated_; }

  /// Writes the pipeline cache to `cache_folder()`; failures are not errors (it is only a cache).
  void save_pipeline_cache() const noexcept;

 private:
  void create(VkPhysicalDevice physical);
  [[noreturn]] void throw_lost() const;
  void load_pipeline_cache();
  std::string cache_file() const;

  const Instance& instance_;
  VkPhysicalDevice physical_ = nullptr;
  Caps caps_;
  VkDevice handle_ = nullptr;
  std::unique_ptr<VolkDeviceTable> table_;
  std::uint32_t queue_family_ = 0;
  VkQueue queue_ = nullptr;
  mutable VkFence fence_ = nullptr;
  VkPipelineCache pipeline_cache_ = nullptr;
  friend class Buffer;  // counts itself
  mutable std::uint64_t allocated_ = 0, most_allocated_ = 0;
  bool memory_budget_ = false, device_fault_ = false, statistics_ = false, one_by_one_ = false;
};

}  // namespace ablate
