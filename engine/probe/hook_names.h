// Numbers in the names of hook points.
#pragma once

#include <string>

namespace ablate {

/// "residual.12" with prefix "residual." -> 12; "layer.3.ffn.gate" with prefix "layer." and suffix ".ffn.gate" -> 3; -1 for any other name.
inline int number_in(const std::string& name, const std::string& prefix, const std::string& suffix = "") {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size()) return -1;
  const std::string digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  return digits.find_first_not_of("0123456789") == std::string::npos ? std::stoi(digits) : -1;
}

}  // namespace ablate
