// Documents of text files, in order, with a bounded amount of them in memory.
//
// A file whose name (without .gz or .zst) ends in .jsonl holds one JSON object a line, whose `field` is a document; any other file is one
// document as it stands.
#pragma once

#include "base/file.h"
#include "model/tokenizer/text_buffer.h"
#include "train/data/byte_stream.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ablate {

bool is_json_lines(const std::filesystem::path& file);
/// .txt and .jsonl, also compressed.
bool is_text_file(const std::filesystem::path& file);

/// A place between two documents.
struct DocumentPlace {
  std::size_t file = 0;      ///< of the list
  std::uint64_t offset = 0;  ///< bytes of its text, unpacked
  std::uint64_t line = 0;    ///< lines before it
  bool operator==(const DocumentPlace&) const = default;
};

/// Neighbouring documents as they stand in their files.
class DocumentBatch {
 public:
  struct Document {
    std::size_t file = 0;
    std::uint64_t line = 0;           ///< of a line of JSON, from 1; else 0
    std::size_t begin = 0, size = 0;  ///< bytes of the batch
  };
  const std::vector<Document>& documents() const { return documents_; }
  std::string_view text(const Document& document) const { return all().substr(document.begin, document.size); }
  std::uint64_t blank_lines() const { return blank_lines_; }
  const DocumentPlace& end() const { return end_; }
  std::uint64_t stored_bytes() const { return stored_; }  ///< of the files up to its end, as they are stored

 private:
  friend class DocumentReader;
  std::string_view all() const;

  std::string text_;
  std::variant<std::monostate, MappedFile, std::unique_ptr<TextBuffer>> long_text_;  ///< in place of it: one document that is too long
  std::vector<Document> documents_;
  std::uint64_t blank_lines_ = 0, stored_ = 0;
  DocumentPlace end_;
};

class DocumentReader {
 public:
  /// Batches of about `size` bytes; what is longer lies in `scratch_folder`. `from` is the end of an earlier batch of the same files.
  DocumentReader(std::vector<std::filesystem::path> files, std::size_t size, std::filesystem::path scratch_folder, DocumentPlace from = {});

  /// The next documents; nothing at the end. Throws InputError for a file that cannot be read as its name says, in one line.
  std::optional<DocumentBatch> next();

  static constexpr std::size_t longest_line = 256 << 20;

 private:
  void open();
  void read_lines(DocumentBatch& batch);
  bool read_line(std::string& text);
  bool more_lines();
  bool add_file(DocumentBatch& batch);
  void add_long_file(DocumentBatch& batch);
  void finish_file();

  std::vector<std::filesystem::path> files_;
  std::size_t size_;
  std::filesystem::path scratch_folder_;
  DocumentPlace at_;
  std::uint64_t stored_before_ = 0;     // of the files before this one
  std::unique_ptr<ByteStream> stream_;  // of a file of lines that is being read
  std::string buffer_;                  // of a file
  std::size_t buffer_at_ = 0;
};

/// The document of a line of JSON. Throws InputError "file:line:column: ..." for a line that is none, "file:line: ..." for one without a
/// string of that name. `line` is well-formed UTF-8.
std::string document_of_line(std::string_view line, std::string_view field, const std::string& file, std::uint64_t number);

}  // namespace ablate
