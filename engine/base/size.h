// Amounts of memory, for people.
#pragma once

#include <cstdint>
#include <string>

namespace ablate {

/// "12.3 MB"
std::string size_text(std::uint64_t bytes);

}  // namespace ablate
