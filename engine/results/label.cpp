#include "results/label.h"

#include "base/value.h"

#include <fmt/core.h>

namespace ablate {

std::string swept_seed(const std::vector<std::pair<std::string, Value>>& swept) {
  for (const auto& [key, value] : swept)
    if (key == "seed") return to_text(value);
  return "";
}

std::string without_seed(const std::string& label, const std::string& seed) {
  const std::string part = fmt::format(", seed={}", seed);
  const std::string whole = fmt::format(", {},", label);
  const std::size_t start = seed.empty() ? std::string::npos : whole.rfind(part + ",");
  if (start == std::string::npos) return label;
  const std::string rest = whole.substr(0, start) + whole.substr(start + part.size());
  return rest.size() > 3 ? rest.substr(2, rest.size() - 3) : "all points";
}

}  // namespace ablate
