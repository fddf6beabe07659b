// The GGUF file format, versions 2 and 3: metadata, a table of tensors, and their data, all little-endian.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include "base/file.h"
#include "model/safetensors.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ablate {

/// A value of the metadata. Text refers into the file. Integers of all widths are 64 bits, f32 the shortest decimal number that it is nearest to; an
/// array of booleans is one of integers.
using GgufValue = std::variant<bool, std::int64_t, double, std::string_view, std::vector<std::int64_t>, std::vector<double>,
                               std::vector<std::string_view>>;
using GgufMetadata = std::map<std::string, GgufValue, std::less<>>;

/// Checks everything a reader relies on: counts and lengths lie in the file, names are not repeated, tensors lie in it at multiples of the alignment,
/// do not overlap and leave nothing between them but padding, their rows are whole blocks. Throws InputError "where: ..." otherwise, and for types of
/// tensors that are not read.
void parse_gguf(std::span<const std::byte> file, std::string_view where, GgufMetadata& metadata, TensorMap& tensors);

/// Whether a file begins like one.
bool is_gguf(std::span<const std::byte> file);
/// The same for what stands at `path`; false where there is no file that can be read.
bool is_gguf_file(const std::filesystem::path& path);

/// A memory-mapped GGUF file.
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const GgufMetadata& metadata() const { return metadata_; }
  const TensorMap& tensors() const { return tensors_; }
  /// The value of a key as T; null where it is absent. Throws InputError "file: key: expected ..." where it is something else.
  template <class T>
  const T* find(std::string_view key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) return nullptr;
    const T* value = std::get_if<T>(&found->second);
    if (!value) refuse_type(key, GgufValue(T{}));
    return value;
  }
  /// The same for a key that must be there.
  template <class T>
  const T& get(std::string_view key) const {
    const T* value = find<T>(key);
    require(value, "{}: this key is needed and missing", place_of(key));
    return *value;
  }
  /// "model.gguf: llama.block_count", for messages.
  std::string place_of(std::string_view key) const;

 private:
  [[noreturn]] void refuse_type(std::string_view key, const GgufValue& expected) const;

  std::filesystem::path path_;
  MappedFile file_;
  GgufMetadata metadata_;
  TensorMap tensors_;
};

}  // namespace ablate
