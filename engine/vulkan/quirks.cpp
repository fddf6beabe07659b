// The one place that knows drivers by name. A row: VkDriverId, the versions it holds for (driver_version, both ends included), what to mask,
// and where the bug is discussed. Kernels never test a vendor; they test the Caps bit this table clears.
#include "vulkan/quirks.h"

#include <cstdint>

namespace ablate {
namespace {

struct Quirk {
  std::uint32_t driver_id, first_version, last_version;
  const char* mask;
  const char* link;
};

constexpr std::uint32_t any = 0xffffffffu;
constexpr std::uint32_t intel_windows = 5;

constexpr Quirk quirks[] = {
    {intel_windows, 0, any, "coopmat", "https://github.com/ggml-org/llama.cpp/issues/10597"},  // emulated, slower than plain arithmetic
};

}  // namespace

void apply_quirks(Caps& caps) {
  for (const Quirk& quirk : quirks) {
    if (quirk.driver_id != caps.driver_id || caps.driver_version < quirk.first_version || caps.driver_version > quirk.last_version)
      continue;
    const auto masked = caps.masked;
    caps.mask(quirk.mask);
    caps.masked = masked;
    caps.quirks.push_back(std::string(quirk.mask) + ": " + quirk.link);
  }
}

}  // namespace ablate
