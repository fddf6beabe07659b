// The characters of a Unicode property, from Oniguruma's tables.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace ablate {

/// First and last code point of each range, in order. The name as in \p{...}: "Han".
std::vector<std::pair<char32_t, char32_t>> code_ranges(std::string_view property);

}  // namespace ablate
