#include "vulkan/caps.h"

#include "base/error.h"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace ablate {
namespace {

struct Bit {
  const char* name;
  bool Caps::*bit;
};
constexpr Bit bits[] = {{"subgroup-arithmetic", &Caps::subgroup_arithmetic},
                        {"subgroup-ballot", &Caps::subgroup_ballot},
                        {"subgroup-size-control", &Caps::subgroup_size_control},
                        {"storage16", &Caps::storage16},
                        {"f16", &Caps::f16},
                        {"coopmat", &Caps::coopmat},
                        {"coopmat-bf16", &Caps::coopmat_bf16},
                        {"coopmat2", &Caps::coopmat2}};

std::uint64_t limit_value(const std::string& word) {
  std::uint64_t value = 0;
  const std::string number = word.substr(word.find('=') + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  require(error == std::errc() && end == number.data() + number.size() && value > 0,
          "--without {}: expected a positive whole number after '='", word);
  return value;
}

void mask_word(Caps& caps, const std::string& word) {
  const auto lower = [&](auto& limit) {
    limit = static_cast<std::remove_reference_t<decltype(limit)>>(std::min<std::uint64_t>(limit, limit_value(word)));
  };
  if (word.starts_with("shared=")) return lower(caps.shared_memory);
  if (word.starts_with("invocations=")) return lower(caps.max_invocations);
  if (word.starts_with("registers=")) return lower(caps.registers), lower(caps.lean_registers);
  if (word.starts_with("allocation=")) return lower(caps.max_allocation);
  if (word.starts_with("elements=")) return lower(caps.max_elements);
  if (word.starts_with("heap=")) return lower(caps.device_heap);
  if (word.starts_with("submission=")) {
    caps.max_submission = 1e-3 * static_cast<double>(limit_value(word));  // longer, too: not every system ends one
    return;
  }
  const auto* found = std::find_if(std::begin(bits), std::end(bits), [&](const Bit& bit) { return word == bit.name; });
  if (found == std::end(bits)) {
    std::string known;
    for (const Bit& bit : bits) known += std::string(bit.name) + ", ";
    bad_input(
        "--without {}: expected one of {}shared=BYTES, invocations=N, registers=N, allocation=BYTES, elements=N, heap=BYTES, "
        "submission=MILLISECONDS",
        word, known);
  }
  caps.*(found->bit) = false;
}

}  // namespace

void Caps::mask(const std::string& list) {
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    if (word.empty()) continue;
    mask_word(*this, word);
    masked.push_back(word);
  }
  if (!storage16) f16 = false;
  if (!f16 || !subgroup_size_control) coopmat = coopmat_bf16 = false;
  if (!coopmat) coopmat2 = coopmat_bf16 = false;
}

std::vector<std::string> Caps::names() const {
  std::vector<std::string> names;
  for (const Bit& bit : bits)
    if (this->*(bit.bit)) names.emplace_back(bit.name);
  return names;
}

std::string Caps::matmul_tier() const { return coopmat2 ? "coopmat2" : coopmat ? "coopmat" : "portable"; }

}  // namespace ablate
