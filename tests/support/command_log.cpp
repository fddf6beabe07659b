#include "support/command_log.h"

#include <algorithm>
#include <cstring>

namespace ablate::test {

struct CommandLog::Calls {
  static inline CommandLog* log = nullptr;

  static VKAPI_ATTR VkResult VKAPI_CALL begin(VkCommandBuffer buffer, const VkCommandBufferBeginInfo* info) {
    log->commands_[buffer].clear();
    return log->begin_.real()(buffer, info);
  }
  static VKAPI_ATTR void VKAPI_CALL push(VkCommandBuffer buffer, VkPipelineLayout layout, VkShaderStageFlags stages, std::uint32_t offset,
                                         std::uint32_t size, const void* values) {
    log->push_.resize(std::max<std::size_t>(log->push_.size(), offset + size));
    std::memcpy(log->push_.data() + offset, values, size);
    log->push_constants_.real()(buffer, layout, stages, offset, size, values);
  }
  static VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer buffer, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    log->commands_[buffer].push_back({RecordedCommand::dispatch, log->push_});
    log->dispatch_.real()(buffer, x, y, z);
  }
  static VKAPI_ATTR void VKAPI_CALL barrier(VkCommandBuffer buffer, VkPipelineStageFlags from, VkPipelineStageFlags to,
                                            VkDependencyFlags flags, std::uint32_t memory_count, const VkMemoryBarrier* memory,
                                            std::uint32_t buffer_count, const VkBufferMemoryBarrier* buffers, std::uint32_t image_count,
                                            const VkImageMemoryBarrier* images) {
    constexpr VkAccessFlags reads_and_writes = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
    const bool stages = (from & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT) && (to & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
    const bool visible = std::any_of(memory, memory + memory_count, [](const VkMemoryBarrier& m) {
      return (m.srcAccessMask & VK_ACCESS_SHADER_WRITE_BIT) && (m.dstAccessMask & reads_and_writes) == reads_and_writes;
    });
    if (stages && visible) log->commands_[buffer].push_back({RecordedCommand::barrier, {}});
    log->barrier_.real()(buffer, from, to, flags, memory_count, memory, buffer_count, buffers, image_count, images);
  }
};

CommandLog::CommandLog(const Device& device)
    : begin_(device, Calls::begin),
      push_constants_(device, Calls::push),
      dispatch_(device, Calls::dispatch),
      barrier_(device, Calls::barrier) {
  Calls::log = this;
}

CommandLog::~CommandLog() { Calls::log = nullptr; }

const std::vector<RecordedCommand>& CommandLog::longest() const {
  return std::max_element(commands_.begin(), commands_.end(),
                          [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); })
      ->second;
}

}  // namespace ablate::test
