// The Vulkan loader, its devices, and the validation layer.
#pragma once

#include "vulkan/caps.h"
#include "vulkan/handles.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ablate {

class Instance {
 public:
  /// `validation`: load VK_LAYER_KHRONOS_validation with synchronization validation; its messages are kept and fatal (see throw_on_message).
  /// Throws DeviceError when there is no Vulkan 1.3 loader, no driver that starts, or no validation layer though one was asked for.
  explicit Instance(bool validation = false);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  struct Candidate {
    VkPhysicalDevice handle = nullptr;
    Caps caps;
    std::string unfit;  ///< why Ablate cannot use it; empty if it can
  };

  /// Every physical device: discrete first, then integrated, virtual, CPU; the driver's order inside a kind. None where no driver finds one.
  const std::vector<Candidate>& devices() const { return devices_; }

  /// The device named by `choice`: "" (the first fit one), a number of devices(), or part of a name (case-insensitive).
  /// Throws DeviceError listing what there is when none matches or the one that does is unfit, and what to do when there is none.
  const Candidate& choose(const std::string& choice) const;

  /// In one line, which device choose("") takes and why; with a warning where that is a CPU's although there is a GPU, and what that lacks.
  std::string describe_choice() const;

  VkInstance handle() const { return handle_; }
  bool validation() const { return messenger_ != nullptr; }

  /// Throws RunError with the first message of the validation layer since the last call, if there is one.
  void throw_on_message() const;

 private:
  struct Messages;
  explicit Instance(std::unique_ptr<Messages> messages);
  std::vector<VkPhysicalDevice> physical_devices();
  void find_devices();

  std::string found_nothing_;  ///< what the drivers said when asked for devices
  VkInstance handle_ = nullptr;
  VkDebugUtilsMessengerEXT messenger_ = nullptr;
  std::vector<Candidate> devices_;
  std::unique_ptr<Messages> messages_;
};

}  // namespace ablate
