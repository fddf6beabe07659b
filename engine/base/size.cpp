#include "base/size.h"

#include <fmt/core.h>

namespace ablate {

std::string size_text(std::uint64_t bytes) {
  const double size = static_cast<double>(bytes);
  if (size < 1e6) return fmt::format("{} bytes", bytes);
  return size < 1e9 ? fmt::format("{:.1f} MB", size * 1e-6) : fmt::format("{:.2f} GB", size * 1e-9);
}

}  // namespace ablate
