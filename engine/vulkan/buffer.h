// Memory with an address that shaders can follow.
#pragma once

#include "vulkan/device.h"

namespace ablate {

enum class MemoryKind {
  device,    ///< the device's own; mapped too where memory is unified
  upload,    ///< written by the host, read by the device
  readback,  ///< written by the device, read by the host
};

class Buffer {
 public:
  Buffer() = default;
  /// Throws DeviceError naming `name`, the bytes asked for and the bytes free when memory runs out.
  Buffer(const Device& device, std::uint64_t bytes, MemoryKind kind, const std::string& name);
  /// No memory, only a size and an address, for graphs that are planned and not run.
  static Buffer planned(std::uint64_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::uint64_t size() const { return size_; }
  std::uint64_t address() const { return address_; }
  VkBuffer handle() const { return handle_; }
  std::byte* mapped() const { return mapped_; }  ///< nullptr when the host cannot see it

 private:
  const Device* device_ = nullptr;
  Owned<VkDeviceMemory> memory_;
  Owned<VkBuffer> handle_;
  std::uint64_t size_ = 0, address_ = 0;
  std::uint64_t counted_ = 0;  // bytes in the device's own account
  std::byte* mapped_ = nullptr;
};

/// Copies between the host and buffers the host may not see, through a staging buffer of its own. Every call waits.
class Transfer {
 public:
  explicit Transfer(const Device& device);

  void upload(const Buffer& to, std::uint64_t offset, std::span<const std::byte> data);
  void download(const Buffer& from, std::uint64_t offset, std::span<std::byte> data);
  /// Sets `bytes` (a multiple of 4) from `offset` to the 32-bit pattern `word`.
  void fill(const Buffer& to, std::uint64_t offset, std::uint64_t bytes, std::uint32_t word);

 private:
  void copy(VkBuffer from, std::uint64_t from_offset, VkBuffer to, std::uint64_t to_offset, std::uint64_t bytes);
  void begin();
  void end();

  const Device& device_;
  Owned<VkCommandPool> pool_;
  VkCommandBuffer commands_ = nullptr;  // of the pool
  Buffer staging_, readback_;
};

}  // namespace ablate
