#include "vulkan/buffer.h"

#include "base/error.h"
#include "vulkan/check.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ablate {
namespace {

constexpr std::uint64_t staging_bytes = 64ull << 20;

VkMemoryPropertyFlags wanted_flags(const Caps& caps, MemoryKind kind) {
  constexpr VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if (kind == MemoryKind::upload) return visible;
  if (kind == MemoryKind::readback) return visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  return VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | (caps.unified_memory ? visible : 0u);
}

}  // namespace

// Delegates, so that the destructor takes the bytes out of the device's account when a later step fails.
Buffer::Buffer(const Device& device, std::uint64_t bytes, MemoryKind kind, const std::string& name) : Buffer() {
  device_ = &device;
  size_ = (bytes + 15) / 16 * 16;
  const VolkDeviceTable& vk = device.vk();
  const auto out_of_memory = [&] {
    return DeviceError(fmt::format("{}: needs {} bytes of device memory, {} are free on {} (largest single allocation {})", name, bytes,
                                   device.free_memory(), device.caps().device_name, device.caps().max_allocation));
  };
  if (size_ == 0) size_ = 16;
  if (size_ > device.caps().max_allocation) throw out_of_memory();
  const VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                nullptr,
                                0,
                                size_,
                                VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                    VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                VK_SHARING_MODE_EXCLUSIVE,
                                0,
                                nullptr};
  check(vk.vkCreateBuffer(device.handle(), &info, nullptr, handle_.on(device)), "vkCreateBuffer for " + name);
  VkMemoryRequirements requirements{};
  vk.vkGetBufferMemoryRequirements(device.handle(), handle_, &requirements);
  const VkMemoryPropertyFlags flags = wanted_flags(device.caps(), kind);
  int type = device.memory_type(requirements.memoryTypeBits, flags);
  if (type < 0)
    type = device.memory_type(requirements.memoryTypeBits, flags & ~static_cast<VkMemoryPropertyFlags>(VK_MEMORY_PROPERTY_HOST_CACHED_BIT));
  const VkMemoryAllocateFlagsInfo addressed{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, nullptr, VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
                                            0};
  const VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &addressed, requirements.size,
                                        static_cast<std::uint32_t>(std::max(type, 0))};
  const VkResult result =
      type < 0 ? VK_ERROR_OUT_OF_DEVICE_MEMORY : vk.vkAllocateMemory(device.handle(), &allocation, nullptr, memory_.on(device));
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) throw out_of_memory();
  check(result, "vkAllocateMemory for " + name);
  check(vk.vkBindBufferMemory(device.handle(), handle_, memory_, 0), "vkBindBufferMemory for " + name);
  if (kind == MemoryKind::device) {
    counted_ = requirements.size;
    device.allocated_ += counted_;
    device.most_allocated_ = std::max(device.most_allocated_, device.allocated_);
  }
  if (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
    void* data = nullptr;
    check(vk.vkMapMemory(device.handle(), memory_, 0, VK_WHOLE_SIZE, 0, &data), "vkMapMemory for " + name);
    mapped_ = static_cast<std::byte*>(data);
  }
  const VkBufferDeviceAddressInfo where{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, handle_};
  address_ = vk.vkGetBufferDeviceAddress(device.handle(), &where);
}

Buffer Buffer::planned(std::uint64_t bytes) {
  Buffer buffer;
  buffer.size_ = bytes;
  buffer.address_ = 1ull << 20;
  return buffer;
}

Buffer::~Buffer() {
  if (device_) device_->allocated_ -= counted_;
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(address_, other.address_);
  std::swap(counted_, other.counted_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

Transfer::Transfer(const Device& device) : device_(device) {
  const VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                     device.queue_family()};
  check(device.vk().vkCreateCommandPool(device.handle(), &info, nullptr, pool_.on(device)), "vkCreateCommandPool");
  const VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool_,
                                               VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  check(device.vk().vkAllocateCommandBuffers(device.handle(), &allocation, &commands_), "vkAllocateCommandBuffers");
}

void Transfer::begin() {
  const VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
                                      nullptr};
  check(device_.vk().vkBeginCommandBuffer(commands_, &info), "vkBeginCommandBuffer");
  const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                                VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
  device_.vk().vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                                    VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

void Transfer::end() {
  const VkMemoryBarrier barrier{
      VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
      VK_ACCESS_HOST_READ_BIT | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT};
  device_.vk().vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                    VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
                                    1, &barrier, 0, nullptr, 0, nullptr);
  check(device_.vk().vkEndCommandBuffer(commands_), "vkEndCommandBuffer");
  device_.run({&commands_, 1});
}

void Transfer::copy(VkBuffer from, std::uint64_t from_offset, VkBuffer to, std::uint64_t to_offset, std::uint64_t bytes) {
  begin();
  const VkBufferCopy region{from_offset, to_offset, bytes};
  device_.vk().vkCmdCopyBuffer(commands_, from, to, 1, &region);
  end();
}

void Transfer::upload(const Buffer& to, std::uint64_t offset, std::span<const std::byte> data) {
  if (data.empty()) return;
  if (to.mapped()) {
    device_.finish();  // it may be reading this
    std::memcpy(to.mapped() + offset, data.data(), data.size());
    return;
  }
  if (staging_.size() < std::min<std::uint64_t>(data.size(), staging_bytes))
    staging_ = Buffer(device_, std::min<std::uint64_t>(data.size(), staging_bytes), MemoryKind::upload, "staging");
  for (std::uint64_t done = 0; done < data.size(); done += staging_.size()) {
    const std::uint64_t piece = std::min<std::uint64_t>(staging_.size(), data.size() - done);
    std::memcpy(staging_.mapped(), data.data() + done, piece);
    copy(staging_.handle(), 0, to.handle(), offset + done, piece);
  }
}

void Transfer::download(const Buffer& from, std::uint64_t offset, std::span<std::byte> data) {
  if (data.empty()) return;
  if (from.mapped()) {
    device_.finish();  // it may be writing this
    std::memcpy(data.data(), from.mapped() + offset, data.size());
    return;
  }
  if (readback_.size() < std::min<std::uint64_t>(data.size(), staging_bytes))
    readback_ = Buffer(device_, std::min<std::uint64_t>(data.size(), staging_bytes), MemoryKind::readback, "read-back");
  for (std::uint64_t done = 0; done < data.size(); done += readback_.size()) {
    const std::uint64_t piece = std::min<std::uint64_t>(readback_.size(), data.size() - done);
    copy(from.handle(), offset + done, readback_.handle(), 0, piece);
    std::memcpy(data.data() + done, readback_.mapped(), piece);
  }
}

void Transfer::fill(const Buffer& to, std::uint64_t offset, std::uint64_t bytes, std::uint32_t word) {
  if (bytes == 0) return;
  begin();
  device_.vk().vkCmdFillBuffer(commands_, to.handle(), offset, bytes, word);
  end();
}

}  // namespace ablate
