// The one place that knows drivers by name. A row: VkDriverId, the versions it holds for (driver_version, both ends included), what to mask,
// and where the bug is discussed. Kernels never test a vendor; they test the Caps bit this table clears.
#include "vulkan/quirks.h"

#include <cstdint>

namespace ablate {
namespace {

struct Quirk {
  std::uint32_t driver_id, first_version, last_version;
  std::uint32_t below_subgroup;  ///< of devices whose smallest subgroup is smaller than this
  const char* mask;
  const char* link;
};

constexpr std::uint32_t any = 0xffffffffu;
constexpr std::uint32_t intel_windows = 5, intel_mesa = 6;

constexpr Quirk quirks[] = {
    // Matrices of GPUs before Xe2, whose subgroups begin at 8, are emulated or spill: slower than plain arithmetic.
    {intel_windows, 0, any, 16, "coopmat", "https://github.com/ggml-org/llama.cpp/pull/14001"},
    {intel_mesa, 0, any, 16, "coopmat", "https://github.com/ggml-org/llama.cpp/pull/14001"},
};

}  // namespace

void apply_quirks(Caps& caps) {
  for (const Quirk& quirk : quirks) {
    if (caps.min_subgroup_size >= quirk.below_subgroup) continue;
    if (quirk.driver_id != caps.driver_id || caps.driver_version < quirk.first_version || caps.driver_version > quirk.last_version)
      continue;
    const auto masked = caps.masked;
    caps.mask(quirk.mask);
    caps.masked = masked;
    caps.quirks.push_back(std::string(quirk.mask) + ": " + quirk.link);
  }
}

}  // namespace ablate
