// What really reaches Vulkan while command buffers are recorded.
#pragma once

#include "support/replaced_call.h"

#include <cstddef>
#include <map>
#include <vector>

namespace ablate::test {

struct RecordedCommand {
  enum Kind { dispatch, barrier } kind;
  std::vector<std::byte> push;  ///< of a dispatch: the push constants it will see
};

/// Follows a device's calls for as long as it lives; one at a time. A barrier counts if it makes what compute shaders wrote visible to those
/// after it.
class CommandLog {
 public:
  explicit CommandLog(const Device& device);
  ~CommandLog();

  /// The longest command buffer begun since then.
  const std::vector<RecordedCommand>& longest() const;

 private:
  struct Calls;
  std::map<VkCommandBuffer, std::vector<RecordedCommand>> commands_;
  std::vector<std::byte> push_;
  ReplacedCall<&VolkDeviceTable::vkBeginCommandBuffer> begin_;
  ReplacedCall<&VolkDeviceTable::vkCmdPushConstants> push_constants_;
  ReplacedCall<&VolkDeviceTable::vkCmdDispatch> dispatch_;
  ReplacedCall<&VolkDeviceTable::vkCmdPipelineBarrier> barrier_;
};

}  // namespace ablate::test
