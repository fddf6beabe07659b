// The bytes of a file from its start on, unpacked if the file is compressed. A kind of compression registers itself in its own file.
#pragma once

#include "base/registry.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace ablate {

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Fills a part of `out` and returns how much; 0 at the end, and only there. Throws InputError naming the file when it is damaged or cut
  /// short.
  virtual std::size_t read(std::span<char> out) = 0;
  /// Goes over so many bytes. Throws InputError when there are fewer.
  virtual void skip(std::uint64_t bytes);
  /// Bytes of the file that were read so far, as they are stored.
  virtual std::uint64_t stored() const = 0;

  /// All of `out`, or up to the end.
  std::size_t fill(std::span<char> out);
};

/// How to unpack: `packed` are the bytes of the file that `where` names.
using Unpacker = std::function<std::unique_ptr<ByteStream>(std::unique_ptr<ByteStream> packed, const std::string& where)>;
/// By the ending of a file's name (".gz"): `const Compressions::Registration gzip(".gz", unpacker);`
using Compressions = Registry<Unpacker>;

/// Throws InputError when the file cannot be opened, MissingFile when it is not there.
std::unique_ptr<ByteStream> open_stream(const std::filesystem::path& file);

bool is_compressed(const std::filesystem::path& file);
/// "a.jsonl" of "a.jsonl.gz", and of itself.
std::filesystem::path unpacked_name(const std::filesystem::path& file);

}  // namespace ablate
