// Hashes that stand for contents, in keys of caches and in fingerprints: xxHash (XXH3). Not for security.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace ablate {

/// 128 bits of everything added so far: contents that differ have different ones.
class Hasher {
 public:
  Hasher();

  /// Bytes as they come; pieces of any size give what the whole would.
  Hasher& add(std::span<const std::byte> bytes);
  /// One of several texts: its size counts too, so that "ab", "c" is not "a", "bc".
  Hasher& add(std::string_view text);

  std::string hex() const;       ///< 32 digits
  std::uint64_t number() const;  ///< half of them

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

/// 64 bits, where a number is wanted: Hasher().add(bytes).number().
std::uint64_t hash_bytes(std::span<const std::byte> bytes);

}  // namespace ablate
