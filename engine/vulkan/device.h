// A logical device with its one compute queue, and buffers on it.
#pragma once

#include "vulkan/caps.h"
#include "vulkan/device_speed.h"
#include "vulkan/instance.h"
#include "vulkan/owned.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace ablate {

class CacheFile;

/// What `--without` and its TOML key mask, and which device to take.
struct DeviceOptions {
  std::string choice;       ///< "", a number, or part of a name
  std::string without;      ///< Caps::mask list
  bool one_by_one = false;  ///< dispatches are run one at a time, so that a lost device can be blamed on one
  bool statistics = false;  ///< keep what the driver tells about its pipelines, where it does (Pipelines::statistics)
};

/// Work that the device was given, with a fence of its own. Destroying it waits.
class Submission {
 public:
  Submission() = default;

  /// Returns at once when there is nothing to wait for. Throws DeviceLost with the driver's report if there is one, and RunError on a
  /// message of the validation layer.
  void wait();

 private:
  friend class Device;
  const Device* device_ = nullptr;
  Owned<VkFence> fence_;
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
  /// Learns while the device works.
  const DeviceSpeed& speed() const { return *speed_; }
  VkDevice handle() const { return handle_; }
  const VolkDeviceTable& vk() const { return *table_; }
  VkPipelineCache pipeline_cache() const { return pipeline_cache_; }
  std::uint32_t queue_family() const { return queue_family_; }

  /// Invocations of a workgroup of a row kernel: one subgroup on a CPU (no barriers there), 256 on a GPU.
  std::uint32_t lanes() const;

  /// Runs recorded command buffers in order and waits. Throws as Submission::wait() does.
  void run(std::span<const VkCommandBuffer> commands) const;

  /// The same without waiting; wait before the next use of anything they touch.
  [[nodiscard]] Submission submit(std::span<const VkCommandBuffer> commands) const;

  /// Waits until the device has done all it was given, or is lost: afterwards nothing of it is touched any more.
  void finish() const noexcept;

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

  /// Adds what was compiled to the cache, beside what other processes have added. Returns why that was not possible, as CacheFile::keep
  /// does, or "".
  std::string save_pipeline_cache() const noexcept;

 private:
  explicit Device(const Instance& instance);
  void create(VkPhysicalDevice physical);
  [[noreturn]] void throw_lost() const;
  Owned<VkFence> idle_fence() const;
  void load_pipeline_cache();
  CacheFile cache_file() const;
  bool fits(std::span<const std::byte> cached) const;
  std::vector<std::byte> pipeline_cache_data() const;

  friend class Submission;
  const Instance& instance_;
  VkPhysicalDevice physical_ = nullptr;
  Caps caps_;
  std::unique_ptr<const DeviceSpeed> speed_;
  VkDevice handle_ = nullptr;
  std::unique_ptr<VolkDeviceTable> table_;
  std::uint32_t queue_family_ = 0;
  VkQueue queue_ = nullptr;
  mutable std::mutex in_flight_mutex_;      // pipelines are made, and may fail, on several threads
  mutable std::vector<VkFence> in_flight_;  // of submissions that nobody has waited for
  mutable std::vector<Owned<VkFence>> idle_fences_;
  Owned<VkPipelineCache> pipeline_cache_;
  mutable std::uint64_t saved_ = 0;  // hash of what the cache on disk held when this process last saw it
  friend class Buffer;               // counts itself
  mutable std::uint64_t allocated_ = 0, most_allocated_ = 0;
  bool memory_budget_ = false, device_fault_ = false, statistics_ = false, one_by_one_ = false;
};

}  // namespace ablate
