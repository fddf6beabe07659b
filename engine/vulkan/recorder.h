// A command buffer being recorded: dispatches, the barriers between them, and timestamps.
#pragma once

#include "vulkan/buffer.h"
#include "vulkan/pipeline.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace ablate {

/// A range of device addresses a dispatch touches.
struct MemoryUse {
  std::uint64_t begin = 0, end = 0;
  Access access = Access::read;
};

/// A recorded command buffer, ready to be replayed.
class Commands {
 public:
  VkCommandBuffer handle() const { return buffer_; }

  /// Seconds between consecutive timestamps of the last run, in the order they were recorded.
  std::vector<double> intervals() const;

 private:
  friend class Recorder;
  const Device* device_ = nullptr;
  Owned<VkCommandPool> pool_;
  VkCommandBuffer buffer_ = nullptr;  // of the pool
  Owned<VkQueryPool> queries_;
  std::uint32_t query_count_ = 0;
};

/// Moves, never copies.
class Recorder {
 public:
  /// `timestamps`: how many calls of timestamp() to make room for.
  explicit Recorder(const Device& device, std::uint32_t timestamps = 0);

  /// Records a dispatch after whatever barrier its memory uses need. Throws RunError when `groups` exceed the device's limit or `push` has not the
  /// size the shader expects.
  void dispatch(const Pipeline& pipeline, std::span<const std::byte> push, std::array<std::uint32_t, 3> groups,
                std::span<const MemoryUse> uses);

  /// A copy between buffers, when everything before it is done.
  void copy(const Buffer& from, std::uint64_t from_offset, const Buffer& to, std::uint64_t to_offset, std::uint64_t bytes);

  /// A 32-bit `word` at `offset`, when everything before it is done.
  void fill(const Buffer& to, std::uint64_t offset, std::uint32_t word);

  /// A barrier against everything before it.
  void barrier();
  void timestamp();

  /// Barriers recorded so far.
  std::uint32_t barriers() const { return barriers_; }

  /// Ends recording; what was written becomes visible to the host when the commands have run.
  Commands finish();

 private:
  bool conflicts(const MemoryUse& use) const;
  void order(std::span<const MemoryUse> uses);
  void transfer(std::span<const MemoryUse> uses);
  void barrier(bool transfers);

  const Device& device_;
  Commands commands_;
  std::uint32_t query_capacity_ = 0, barriers_ = 0;
  std::vector<MemoryUse> pending_;  // since the last barrier
  bool transfers_ = false;          // were recorded since the last barrier that orders them
  VkPipeline bound_ = nullptr;
};

}  // namespace ablate
