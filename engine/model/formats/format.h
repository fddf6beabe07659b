// Storage formats of weights in blocks: some values that share a scale. Each registers itself in its own file, by the name that files give it.
#pragma once

#include "base/dtype.h"
#include "base/registry.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ablate {

struct StorageFormat {
  std::size_t values;  ///< in a block
  std::size_t bytes;   ///< of a block
  /// Writes the values of one block. False: a scale is no finite number.
  bool (*decode)(const std::byte* block, float* values);
};
using StorageFormats = Registry<StorageFormat>;

/// The f16 at `bytes`.
inline float read_f16(const std::byte* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return from_f16(bits);
}

}  // namespace ablate
