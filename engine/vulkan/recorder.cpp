#include "vulkan/recorder.h"

#include "base/error.h"
#include "vulkan/check.h"

#include <algorithm>
#include <utility>

namespace ablate {

std::vector<double> Commands::intervals() const {
  if (query_count_ < 2) return {};
  std::vector<std::uint64_t> ticks(query_count_);
  check(device_->vk().vkGetQueryPoolResults(device_->handle(), queries_, 0, query_count_, ticks.size() * 8, ticks.data(), 8,
                                            VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        "vkGetQueryPoolResults");
  std::vector<double> seconds;
  for (std::size_t i = 1; i < ticks.size(); ++i)
    seconds.push_back(static_cast<double>(ticks[i] - ticks[i - 1]) * static_cast<double>(device_->caps().timestamp_period) * 1e-9);
  return seconds;
}

Recorder::Recorder(const Device& device, std::uint32_t timestamps)
    : device_(device), query_capacity_(device.caps().timestamp_period > 0 ? timestamps : 0) {
  const VolkDeviceTable& vk = device.vk();
  commands_.device_ = &device;
  const VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, device.queue_family()};
  check(vk.vkCreateCommandPool(device.handle(), &pool, nullptr, commands_.pool_.on(device)), "vkCreateCommandPool");
  const VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, commands_.pool_,
                                               VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  check(vk.vkAllocateCommandBuffers(device.handle(), &allocation, &commands_.buffer_), "vkAllocateCommandBuffers");
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, 0, nullptr};
  check(vk.vkBeginCommandBuffer(commands_.buffer_, &begin), "vkBeginCommandBuffer");
  if (query_capacity_ > 0) {
    const VkQueryPoolCreateInfo queries{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, nullptr, 0, VK_QUERY_TYPE_TIMESTAMP, query_capacity_, 0};
    check(vk.vkCreateQueryPool(device.handle(), &queries, nullptr, commands_.queries_.on(device)), "vkCreateQueryPool");
    vk.vkCmdResetQueryPool(commands_.buffer_, commands_.queries_, 0, query_capacity_);
  }
  barrier();  // what ran before this command buffer may still be writing
}

bool Recorder::conflicts(const MemoryUse& use) const {
  return std::any_of(pending_.begin(), pending_.end(), [&](const MemoryUse& earlier) {
    const bool overlap = use.begin < earlier.end && earlier.begin < use.end;
    return overlap && (use.access != Access::read || earlier.access != Access::read);
  });
}

void Recorder::order(std::span<const MemoryUse> uses) {
  if (std::any_of(uses.begin(), uses.end(), [this](const MemoryUse& use) { return conflicts(use); })) barrier(transfers_);
  pending_.insert(pending_.end(), uses.begin(), uses.end());
}

void Recorder::barrier() { barrier(true); }

void Recorder::barrier(bool transfers) {
  VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
  VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT, reads = VK_ACCESS_SHADER_READ_BIT;
  if (transfers) {
    stages |= VK_PIPELINE_STAGE_TRANSFER_BIT;
    writes |= VK_ACCESS_TRANSFER_WRITE_BIT;
    reads |= VK_ACCESS_TRANSFER_READ_BIT;
    transfers_ = false;
  }
  const VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, writes, reads | writes};
  device_.vk().vkCmdPipelineBarrier(commands_.buffer_, stages, stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
  pending_.clear();
  ++barriers_;
}

void Recorder::dispatch(const Pipeline& pipeline, std::span<const std::byte> push, std::array<std::uint32_t, 3> groups,
                        std::span<const MemoryUse> uses) {
  const std::string& name = pipeline.shader->name;
  if (push.size() != pipeline.shader->reflection.push_bytes)
    throw RunError(
        fmt::format("shader {}: given {} bytes of push constants, it has {}", name, push.size(), pipeline.shader->reflection.push_bytes));
  if (*std::max_element(groups.begin(), groups.end()) > device_.caps().max_groups || *std::min_element(groups.begin(), groups.end()) == 0)
    throw RunError(fmt::format("shader {}: {} x {} x {} workgroups, {} allows 1 to {} each way", name, groups[0], groups[1], groups[2],
                               device_.caps().device_name, device_.caps().max_groups));
  order(uses);
  const VolkDeviceTable& vk = device_.vk();
  if (bound_ != pipeline.handle) vk.vkCmdBindPipeline(commands_.buffer_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
  bound_ = pipeline.handle;
  if (!push.empty())
    vk.vkCmdPushConstants(commands_.buffer_, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, static_cast<std::uint32_t>(push.size()),
                          push.data());
  vk.vkCmdDispatch(commands_.buffer_, groups[0], groups[1], groups[2]);
}

// The barriers between dispatches do not wait for transfers or hold them back.
void Recorder::transfer(std::span<const MemoryUse> uses) {
  barrier();
  transfers_ = true;
  pending_.assign(uses.begin(), uses.end());
}

void Recorder::copy(const Buffer& from, std::uint64_t from_offset, const Buffer& to, std::uint64_t to_offset, std::uint64_t bytes) {
  const MemoryUse uses[] = {{from.address() + from_offset, from.address() + from_offset + bytes, Access::read},
                            {to.address() + to_offset, to.address() + to_offset + bytes, Access::write}};
  transfer(uses);
  const VkBufferCopy region{from_offset, to_offset, bytes};
  device_.vk().vkCmdCopyBuffer(commands_.buffer_, from.handle(), to.handle(), 1, &region);
}

void Recorder::fill(const Buffer& to, std::uint64_t offset, std::uint32_t word) {
  const MemoryUse uses[] = {{to.address() + offset, to.address() + offset + sizeof(word), Access::write}};
  transfer(uses);
  device_.vk().vkCmdFillBuffer(commands_.buffer_, to.handle(), offset, sizeof(word), word);
}

void Recorder::timestamp() {
  if (commands_.query_count_ == query_capacity_) return;
  device_.vk().vkCmdWriteTimestamp(commands_.buffer_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, commands_.queries_, commands_.query_count_++);
}

Commands Recorder::finish() {
  const VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                               VK_ACCESS_HOST_READ_BIT};
  device_.vk().vkCmdPipelineBarrier(commands_.buffer_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                                    VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0, nullptr, 0, nullptr);
  check(device_.vk().vkEndCommandBuffer(commands_.buffer_), "vkEndCommandBuffer");
  return std::move(commands_);
}

}  // namespace ablate
