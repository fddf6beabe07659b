// Any bytes as a file of documents, by each of the names that decide how it is read: read, or refused with InputError, nothing else; what is
// read in one batch is read in many.
#include "base/error.h"
#include "base/file.h"
#include "model/tokenizer/unicode.h"
#include "train/data/documents.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include <unistd.h>

using namespace ablate;

namespace {

/// In memory where the system has such a folder.
std::filesystem::path folder() {
  const std::filesystem::path memory = "/dev/shm",
                              place = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  static const std::filesystem::path own = place / ("ablate-fuzz-" + std::to_string(::getpid()));
  std::filesystem::create_directories(own);
  return own;
}

/// All documents, one behind the other; nothing where they are refused.
std::optional<std::string> read(const std::filesystem::path& file, std::size_t batch) {
  std::string all;
  try {
    DocumentReader reader({file}, batch, {});
    while (const auto documents = reader.next())
      for (const auto& document : documents->documents()) {
        const std::string text = repair_utf8(documents->text(document));
        all += (document.line > 0 ? document_of_line(text, "text", "fuzz", document.line) : text) + '\n';
      }
  } catch (const InputError&) {
    return std::nullopt;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr const char* endings[] = {".txt", ".jsonl", ".txt.gz", ".jsonl.gz", ".txt.zst", ".jsonl.zst"};
  const std::filesystem::path file = folder() / (std::string("a") + endings[data[0] % std::size(endings)]);
  write_atomically(file, std::as_bytes(std::span(data + 1, size - 1)));
  if (read(file, 1 << 20) != read(file, 1)) std::abort();
  return 0;
}
