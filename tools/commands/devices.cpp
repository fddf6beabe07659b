// `ablate devices`: every device, what it can do, and which kernels it would get.
#include "base/error.h"
#include "command.h"
#include "vulkan/instance.h"

#include <CLI/CLI.hpp>

namespace ablate {
namespace {

std::string list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

void print(std::size_t number, const Instance::Candidate& device) {
  const Caps& caps = device.caps;
  fmt::print("{}: {} ({})\n", number, caps.device_name, caps.type);
  if (!device.unfit.empty()) return fmt::print("   cannot be used: {}\n", device.unfit);
  fmt::print("   driver      {} {}, Vulkan {}\n", caps.driver_name, caps.driver_info, caps.api_version);
  fmt::print("   memory      {:.1f} GiB{}, {:.1f} GiB in one allocation\n", static_cast<double>(caps.device_heap) / (1 << 30),
             caps.unified_memory ? ", shared with the host" : "", static_cast<double>(caps.max_allocation) / (1 << 30));
  fmt::print("   workgroup   {} invocations, {} KiB shared, {} registers, subgroups of {}", caps.max_invocations, caps.shared_memory / 1024,
             caps.registers, caps.subgroup_size);
  if (caps.subgroup_size_control && caps.min_subgroup_size != caps.max_subgroup_size)
    fmt::print(" ({} to {})", caps.min_subgroup_size, caps.max_subgroup_size);
  fmt::print("\n   can         {}\n", list(caps.names()));
  if (!caps.quirks.empty()) fmt::print("   quirks      {}\n", list(caps.quirks));
  for (const CoopShape& shape : caps.coop_shapes)
    fmt::print("   matrices    {} x {} x {}, {} in, {} accumulator\n", shape.m, shape.n, shape.k, shape.bf16 ? "bf16" : "f16",
               shape.accumulate32 ? "f32" : "f16");
  fmt::print("   kernel tier {}\n", caps.matmul_tier());
}

const CommandRegistration registration{{"devices", "List Vulkan devices and what they can do", [](CLI::App&) {
                                          return [] {
                                            const Instance instance;
                                            if (instance.devices().empty()) instance.choose("");  // says what to do
                                            for (std::size_t i = 0; i < instance.devices().size(); ++i) print(i, instance.devices()[i]);
                                            fmt::print("{}\n", instance.describe_choice());
                                            return 0;
                                          };
                                        }}};

}  // namespace
}  // namespace ablate
