// The safetensors file format: an 8-byte little-endian header size, a JSON header, raw little-endian tensors.
// https://huggingface.co/docs/safetensors
#pragma once

#include "base/dtype.h"
#include "base/file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// A tensor in a file: its bytes live as long as the file object does.
struct TensorView {
  std::string dtype;  ///< as the file spells it: F32, F16, BF16, I32, ...
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::string where;  ///< "model.safetensors: lm_head.weight", for messages

  std::int64_t elements() const;
  /// Elements first .. first + out.size() - 1 as f32 (from F64, F32, F16, BF16). Throws InputError naming the dtype for others.
  void read(std::span<float> out, std::int64_t first = 0) const;
  std::vector<float> floats() const;
  /// Throws InputError naming the block where one of these, of a storage format, has a scale that is no finite number.
  void require_sound(std::size_t first, std::size_t blocks) const;
  /// All elements as i32 (from I32, I64 within range, U8, I16, U16...). Throws InputError naming the dtype or the value for others.
  std::vector<std::int32_t> integers() const;
};

/// Bytes per element of a dtype name; 0 if it is unknown.
std::size_t safetensors_element_size(std::string_view dtype);
/// "F32", "F16", "BF16", "I32", "U16".
std::string_view safetensors_name(DType type);

using TensorMap = std::map<std::string, TensorView, std::less<>>;
using Metadata = std::map<std::string, std::string, std::less<>>;

/// Checks everything a reader relies on: the header lies in the file, ranges lie in it, do not overlap and leave no gap, sizes are what
/// shape and dtype say, names are not repeated. Throws InputError "where: ..." otherwise. A tensor of unknown dtype is listed, and refused
/// when it is read.
void parse_safetensors(std::span<const std::byte> file, std::string_view where, TensorMap& tensors, Metadata& metadata);

/// A memory-mapped safetensors file.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  std::vector<std::string> names() const;
  bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  /// Throws InputError naming the file and the tensor when there is none of that name.
  const TensorView& at(std::string_view name) const;
  const TensorMap& tensors() const { return tensors_; }
  const Metadata& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  MappedFile file_;
  TensorMap tensors_;
  Metadata metadata_;
};

/// Receives a tensor's bytes in order, in pieces of any size.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// A tensor to write: `produce` is called once, in the order of the list, and must deliver exactly the bytes that dtype and shape say.
struct TensorToWrite {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::function<void(const ByteSink& sink)> produce;

  /// From memory that stays valid until it is written.
  static TensorToWrite from(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);
  static TensorToWrite from(std::string name, std::vector<std::int64_t> shape, std::span<const std::int32_t> values);
};

/// Streams the tensors to a temporary name and renames it over `path` when everything is on disk: no partial file, no second copy in
/// memory. Throws RunError naming the path and the system's reason.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors, const Metadata& metadata = {});

}  // namespace ablate
