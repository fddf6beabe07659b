#include "vulkan/instance.h"

#include "base/error.h"
#include "vulkan/check.h"
#include "vulkan/probe_caps.h"
#include "vulkan/quirks.h"
#include "vulkan/registers.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace ablate {

struct Instance::Messages {
  std::mutex mutex;
  std::vector<std::string> texts;

  static VKAPI_ATTR VkBool32 VKAPI_CALL keep(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                             const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
    auto& messages = *static_cast<Messages*>(user);
    const std::lock_guard lock(messages.mutex);
    messages.texts.emplace_back(data->pMessage);
    return VK_FALSE;
  }
};

namespace {

constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";

template <class T, class Call>
std::vector<T> enumerate(Call call, const char* name) {
  std::uint32_t count = 0;
  check(call(&count, nullptr), name);
  std::vector<T> items(count);
  const VkResult result = call(&count, items.data());
  if (result != VK_INCOMPLETE) check(result, name);
  items.resize(count);
  return items;
}

bool has_layer() {
  const auto layers = enumerate<VkLayerProperties>(vkEnumerateInstanceLayerProperties, "vkEnumerateInstanceLayerProperties");
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) { return std::strcmp(layer.layerName, validation_layer) == 0; });
}

bool has_extension(const char* name) {
  const auto extensions = enumerate<VkExtensionProperties>(
      [](std::uint32_t* count, VkExtensionProperties* items) { return vkEnumerateInstanceExtensionProperties(nullptr, count, items); },
      "vkEnumerateInstanceExtensionProperties");
  return std::any_of(extensions.begin(), extensions.end(), [&](const auto& e) { return std::strcmp(e.extensionName, name) == 0; });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

int rank(const Caps& caps) {
  const std::vector<std::string> order = {"discrete", "integrated", "virtual", "cpu"};
  return static_cast<int>(std::find(order.begin(), order.end(), caps.type) - order.begin());
}

}  // namespace

Instance::Instance(std::unique_ptr<Messages> messages) : messages_(std::move(messages)) {}

// Delegates, so that the destructor runs when a later step fails.
Instance::Instance(bool validation) : Instance(std::make_unique<Messages>()) {
  if (volkInitialize() != VK_SUCCESS)
    throw DeviceError("no Vulkan loader on this system (Debian: apt install libvulkan1 mesa-vulkan-drivers)");
  if (vkEnumerateInstanceVersion == nullptr || volkGetInstanceVersion() < VK_API_VERSION_1_3)
    throw DeviceError("the Vulkan loader is older than 1.3");
  if (validation && !has_layer())
    throw DeviceError(fmt::format("{} is not installed (Debian: apt install vulkan-validationlayers)", validation_layer));

  std::vector<const char*> extensions;
  VkInstanceCreateFlags flags = 0;
  if (validation) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (has_extension("VK_KHR_portability_enumeration")) {
    extensions.push_back("VK_KHR_portability_enumeration");
    flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  const VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO, nullptr, "ablate", 1, "ablate", 1, VK_API_VERSION_1_3};
  const VkValidationFeatureEnableEXT enables[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  const VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, nullptr, 1, enables, 0, nullptr};
  const VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  validation ? &features : nullptr,
                                  flags,
                                  &application,
                                  validation ? 1u : 0u,
                                  &validation_layer,
                                  static_cast<std::uint32_t>(extensions.size()),
                                  extensions.data()};
  const VkResult result = vkCreateInstance(&info, nullptr, &handle_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw DeviceError("no Vulkan driver on this system (Debian: apt install mesa-vulkan-drivers)");
  if (result != VK_SUCCESS)
    throw DeviceError(fmt::format("the Vulkan drivers of this system do not start: vkCreateInstance gives {}", name_of(result)));
  volkLoadInstanceOnly(handle_);
  if (validation) {
    const auto severity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    const auto type = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
                                                 nullptr,
                                                 0,
                                                 static_cast<VkDebugUtilsMessageSeverityFlagsEXT>(severity),
                                                 type,
                                                 Messages::keep,
                                                 messages_.get()};
    check(vkCreateDebugUtilsMessengerEXT(handle_, &messenger, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT");
  }
  find_devices();
}

Instance::~Instance() {
  if (messenger_) {
    // volk's pointer is that of the instance made last, which may have no messages.
    const auto function = vkGetInstanceProcAddr(handle_, "vkDestroyDebugUtilsMessengerEXT");
    reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(function)(handle_, messenger_, nullptr);
  }
  if (handle_) vkDestroyInstance(handle_, nullptr);
}

// A driver without a device for it may say so by failing.
std::vector<VkPhysicalDevice> Instance::physical_devices() {
  try {
    return enumerate<VkPhysicalDevice>(
        [this](std::uint32_t* count, VkPhysicalDevice* items) { return vkEnumeratePhysicalDevices(handle_, count, items); },
        "vkEnumeratePhysicalDevices");
  } catch (const std::exception& error) {
    found_nothing_ = fmt::format("; {}", error.what());
    return {};
  }
}

void Instance::find_devices() {
  for (VkPhysicalDevice physical : physical_devices()) {
    Candidate candidate;
    candidate.handle = physical;
    try {
      candidate.unfit = probe_caps(handle_, physical, candidate.caps);
    } catch (const std::exception& error) {
      candidate.unfit = fmt::format("its driver does not say what it can do: {}", error.what());  // the other devices may be well
    }
    apply_registers(candidate.caps);
    apply_quirks(candidate.caps);
    devices_.push_back(std::move(candidate));
  }
  std::stable_sort(devices_.begin(), devices_.end(), [](const auto& a, const auto& b) { return rank(a.caps) < rank(b.caps); });
}

const Instance::Candidate& Instance::choose(const std::string& choice) const {
  std::string known;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const Candidate& device = devices_[i];
    const bool numbered = choice == std::to_string(i);
    const bool named = choice.find_first_not_of("0123456789") != std::string::npos &&
                       lower(device.caps.device_name).find(lower(choice)) != std::string::npos;
    if (choice.empty() ? device.unfit.empty() : numbered || named) {
      if (!device.unfit.empty())
        throw DeviceError(fmt::format("device {} ({}) cannot be used: {}", i, device.caps.device_name, device.unfit));
      return device;
    }
    known += fmt::format("{}{}: {}{}", known.empty() ? "" : "; ", i, device.caps.device_name,
                         device.unfit.empty() ? "" : " (" + device.unfit + ")");
  }
  const std::string found =
      known.empty()
          ? "the Vulkan drivers of this system find no device (a GPU: is its driver installed, and may this user or container see "
            "/dev/dri? The CPU: Debian: apt install mesa-vulkan-drivers, and no VK_DRIVER_FILES that leaves lavapipe out)" +
                found_nothing_
          : "found " + known;
  throw DeviceError(choice.empty() ? found : fmt::format("--device {}: no such device; {}", choice, found));
}

std::string Instance::describe_choice() const {
  const Candidate& taken = choose("");
  std::string text = fmt::format("{}: {} would be taken, the first that can be used (discrete GPUs before integrated ones, CPUs last)",
                                 &taken - devices_.data(), taken.caps.device_name);
  if (!taken.caps.is_cpu()) return text;
  for (const Candidate& other : devices_)
    if (!other.caps.is_cpu() && !other.unfit.empty())
      text +=
          fmt::format("; warning: a CPU computes slowly, and there is {}, which cannot be used: {}", other.caps.device_name, other.unfit);
  return text;
}

void Instance::throw_on_message() const {
  const std::lock_guard lock(messages_->mutex);
  if (messages_->texts.empty()) return;
  const std::string first = messages_->texts.front();
  messages_->texts.clear();
  throw RunError("validation layer: " + first);
}

}  // namespace ablate
