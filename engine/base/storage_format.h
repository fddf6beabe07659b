// Storage formats of weights in blocks: some values of a row that share scales. Each registers itself in its own file (engine/formats), under the name
// that files give it; shaders/formats has a file of each that decodes it on the device. No other file names one.
#pragma once

#include "base/dtype.h"
#include "base/registry.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ablate {

struct StorageFormat {
  std::string_view name;  ///< "q4_0": in experiments and of its kernels ("matmul/tiled.q4_0")
  std::uint32_t number;   ///< as GGUF files number it
  std::uint32_t values;   ///< in a block; a power of two, at least 32
  std::uint32_t bytes;    ///< of a block
  /// Whether every scale of the block is a finite number.
  bool (*sound)(const std::byte* block);
  /// Writes the values of one sound block.
  void (*decode)(const std::byte* block, float* values);
  /// Makes the block of some values. False: the scale that they need is no finite number of its type. Null: the format is only read.
  bool (*encode)(const float* values, std::byte* block) = nullptr;
};
using StorageFormats = Registry<StorageFormat>;

/// A tensor's element type may be a format: numbers from here on, the format's own added.
constexpr std::uint32_t first_block_type = 256;
constexpr bool is_blocks(DType type) { return static_cast<std::uint32_t>(type) >= first_block_type; }
inline DType type_of(const StorageFormat& format) { return static_cast<DType>(first_block_type + format.number); }

/// Of a type that is_blocks().
const StorageFormat& format_of(DType type);
/// The format that files call so ("Q4_0"); null where it is none.
const StorageFormat* find_format(std::string_view file_name);
/// The type that name_of() calls so; nothing for another text.
std::optional<DType> parse_type(std::string_view name);

/// Values that are stored together, and in how many bytes; 1 value where each stands alone.
struct BlockSize {
  std::uint32_t values, bytes;
};
BlockSize block_of(DType type);
/// Of so many elements, whole blocks of them.
inline std::uint64_t bytes_of(DType type, std::uint64_t elements) {
  const BlockSize block = is_blocks(type) ? block_of(type) : BlockSize{1, static_cast<std::uint32_t>(bytes_of(type))};
  return elements / block.values * block.bytes;
}

}  // namespace ablate
