#include "base/content.h"

#include "base/error.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <optional>

namespace ablate {
namespace {

using std::string_view_literals::operator""sv;

/// Bytes that a format begins with (at `offset`), and what to say.
struct Signature {
  std::string_view bytes;
  std::string_view what;
  std::size_t offset = 0;
};

constexpr Signature signatures[] = {
    {"version https://git-lfs.github.com/spec/"sv, "a Git LFS pointer, not the file itself: git lfs pull fetches it"},
    {"/annex/objects/"sv, "a git-annex pointer, not the file itself: git annex get fetches it"},
    {"ARROW1\0\0"sv, "an Arrow table: write its column of text to a .txt file"},
    {"%PDF-"sv, "a PDF document: take its text out (pdftotext)"},
    {"{\\rtf"sv, "an RTF document: save it as plain text"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "an Office document: save it as plain text"},
    {"\x28\xb5\x2f\xfd"sv, "compressed by zstd: unpack it (zstd -d)"},
    {"\xfd\x37zXZ\0"sv, "compressed by xz: unpack it (xz -d)"},
    {"\x04\x22\x4d\x18"sv, "compressed by lz4: unpack it (lz4 -d)"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7z archive: unpack it"},
    {"Rar!\x1a\x07"sv, "a RAR archive: unpack it"},
    {"ustar\0"sv, "a tar archive: unpack it (tar -xf)", 257},
    {"ustar  \0"sv, "a tar archive: unpack it (tar -xf)", 257},
    {"\x93NUMPY"sv, "a NumPy array: write ids with array.astype(\"uint16\").tofile(\"ids.bin\"), or \"uint32\""},
    {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file: convert it"},
    {"MMIDIDX\0\0"sv, "the index of a Megatron data set: the ids are in the .bin beside it"},
    {"SQLite format 3\0"sv, "an SQLite database: write its text to a .txt file"},
    {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv, "weights pickled by an old PyTorch: save them as safetensors"},
    {"IQ== 0\n"sv,
     "a tiktoken vocabulary: save the tokenizer as tokenizer.json (transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...))"},
    {"\x89PNG\r\n\x1a\n"sv, "a PNG picture"},
    {"\xff\xd8\xff\xe0"sv, "a JPEG picture"},
    {"\x7f"
     "ELF"sv,
     "a program"},
};

bool has_at(std::string_view file, std::size_t offset, std::string_view bytes) {
  return file.size() >= offset + bytes.size() && file.substr(offset, bytes.size()) == bytes;
}

std::uint64_t little_endian_64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

/// The first word of a page, in lower case, without the space before it.
std::string first_letters(std::string_view file) {
  if (has_at(file, 0, "\xef\xbb\xbf")) file.remove_prefix(3);
  const std::size_t begin = std::min(file.find_first_not_of(" \t\r\n"), file.size());
  std::string word(file.substr(begin, 15));
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

/// What a server answers in place of a file is short.
std::string_view describe_answer(std::string_view file) {
  constexpr std::size_t longest_sentence = 256, longest_page = 1 << 20;
  if (file.size() <= longest_sentence && file.starts_with("Entry not found"))
    return "the answer of a server that has no such file (\"Entry not found\"): download it again";
  if (file.size() <= longest_sentence && file.starts_with("Invalid username or password"))
    return "the answer of a server that wants a login (\"Invalid username or password\"): log in and download it again";
  if (file.size() > longest_page) return "";
  const std::string begin = first_letters(file);
  if (begin.starts_with("<!doctype html") || begin.starts_with("<html") || begin.starts_with("<head"))
    return "a web page (of a failed download?): download the file itself";
  if (begin.starts_with("<?xml") || begin.starts_with("<error>"))
    return "an XML document (of a failed download?): download the file itself";
  return "";
}

/// Four letters with a version behind them that is no letter.
bool is_gguf(std::string_view file) { return has_at(file, 0, "GGUF") && file.size() >= 8 && static_cast<unsigned char>(file[4]) < 32; }

/// The same four letters at both ends, or binary numbers after the first.
bool is_parquet(std::string_view file) {
  const auto binary = [](char c) { return static_cast<unsigned char>(c) >= 0x80 || (c >= 0 && c < 9) || (c > 13 && c < 32); };
  const std::string_view start = file.substr(0, 64);
  return has_at(file, 0, "PAR1") && (file.substr(4).ends_with("PAR1") || std::any_of(start.begin(), start.end(), binary));
}

/// A gzip header: method 8, and flags without the reserved bits.
bool is_gzip(std::string_view file) { return has_at(file, 0, "\x1f\x8b\x08") && file.size() >= 18 && (file[3] & 0xe0) == 0; }

bool is_bzip2(std::string_view file) { return has_at(file, 0, "BZh") && has_at(file, 4, "1AY&SY"); }

/// Protocol 4 and 5 begin with a frame, whose length is known.
bool is_pickle(std::string_view file) {
  const bool frame = file.size() >= 12 && file[0] == '\x80' && (file[1] == 4 || file[1] == 5) && file[2] == '\x95';
  return frame && little_endian_64(file.substr(3, 8)) <= file.size() - 11;
}

/// PyTorch's archives hold NAME/data.pkl first.
std::string_view describe_zip(std::string_view file) {
  if (!has_at(file, 0, "PK\3\4")) return "";
  const std::string_view start = file.substr(0, 512);
  if (start.find("data.pkl") != start.npos)
    return "weights pickled by PyTorch: they are not read; save them as safetensors (transformers: model.save_pretrained(...))";
  return "a zip archive: unpack it, or, if it was a .bin of PyTorch, save the weights as safetensors";
}

bool is_safetensors(std::string_view file) {
  if (file.size() < 10 || file[8] != '{') return false;
  const std::uint64_t header = little_endian_64(file);
  return header >= 2 && header <= file.size() - 8 && (file[8 + header - 1] == '}' || file[8 + header - 1] == ' ');
}

bool is_sentencepiece(std::string_view file) { return has_at(file, 0, "\n") && file.substr(0, 16).find("\n\x05<unk>") != file.npos; }

/// Text in 16-bit units without a mark: every second byte is 0 and the others hardly ever.
bool is_unmarked_utf16(std::string_view file) {
  const std::string_view start = file.substr(0, 4096);
  std::size_t zeros[2] = {0, 0};
  for (std::size_t i = 0; i < start.size(); ++i) zeros[i % 2] += start[i] == 0;
  const auto [few, many] = std::minmax(zeros[0], zeros[1]);
  return start.size() >= 8 && many * 4 >= start.size() && few * 50 <= start.size();
}

bool is_all_zeros(std::string_view bytes) { return bytes.size() >= 16 && bytes.find_first_not_of('\0') == bytes.npos; }

/// Text has none, but for a stray one; what programs write for themselves has many.
std::size_t zeros_where_it_begins(std::string_view file) {
  const std::string_view start = file.substr(0, 4096);
  return static_cast<std::size_t>(std::count(start.begin(), start.end(), '\0'));
}

std::string_view text_of(std::span<const std::byte> file) { return {reinterpret_cast<const char*>(file.data()), file.size()}; }

}  // namespace

std::string describe_container(std::span<const std::byte> bytes) {
  const std::string_view file = text_of(bytes);
  for (const Signature& known : signatures)
    if (has_at(file, known.offset, known.bytes)) return std::string(known.what);
  if (const std::string_view what = describe_zip(file); !what.empty()) return std::string(what);
  if (const std::string_view what = describe_answer(file); !what.empty()) return std::string(what);
  if (is_gguf(file)) return "a GGUF file: one that holds a whole model is read where a checkpoint is named (model.checkpoint)";
  if (is_parquet(file))
    return "a Parquet table: convert it (python3 -c \"import pandas; pandas.read_parquet('FILE').to_json('FILE.jsonl', orient='records', lines=True)\")";
  if (is_gzip(file)) return "compressed by gzip: unpack it (gunzip)";
  if (is_bzip2(file)) return "compressed by bzip2: unpack it (bunzip2)";
  if (is_pickle(file)) return "a Python pickle: they are not read; save weights as safetensors";
  if (is_safetensors(file)) return "a safetensors file";
  if (is_sentencepiece(file))
    return "a SentencePiece model: save the tokenizer as tokenizer.json (transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...))";
  return "";
}

std::string describe_content(std::span<const std::byte> bytes) {
  const std::string_view file = text_of(bytes);
  if (file.empty()) return "empty (0 bytes)";
  if (has_at(file, 0, "\xff\xfe\0\0"sv) || has_at(file, 0, "\0\0\xfe\xff"sv))
    return "text in UTF-32: convert it (iconv -f utf-32 -t utf-8)";
  if (has_at(file, 0, "\xff\xfe"sv) || has_at(file, 0, "\xfe\xff"sv)) return "text in UTF-16: convert it (iconv -f utf-16 -t utf-8)";
  if (is_all_zeros(file.substr(0, 4096))) return "nothing but zeros where it begins (a download or a copy that did not end?)";
  if (std::string what = describe_container(bytes); !what.empty()) return what;
  if (is_unmarked_utf16(file)) return "text in UTF-16 without a mark, or no text at all: convert it (iconv -f utf-16le -t utf-8)";
  if (file.size() > 4096 && is_all_zeros(file.substr(file.size() - 4096)))
    return "nothing but zeros where it ends (a download or a copy that did not end?)";
  if (const std::size_t zeros = zeros_where_it_begins(file); zeros > 16)
    return fmt::format("no text: {} of its first {} bytes are zero", zeros, std::min<std::size_t>(file.size(), 4096));
  return "";
}

std::string describe_content(std::string_view file) { return describe_content(std::as_bytes(std::span(file.data(), file.size()))); }

void refuse_other_content(std::string_view file, std::string_view where) {
  if (const std::string what = describe_content(file); !what.empty()) bad_input("{}: is {}", where, what);
}

}  // namespace ablate
