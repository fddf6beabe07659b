#include "train/data/documents.h"

#include "base/content.h"
#include "base/error.h"
#include "base/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t read_at_once = 1 << 20;
constexpr std::size_t short_file = 4 << 20;  // a longer one is a batch of its own, which all cores share
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// Keeps the string that the outermost object has under one name.
struct FieldFinder : nlohmann::json_sax<nlohmann::json> {
  using Json = nlohmann::json;
  explicit FieldFinder(std::string_view wanted) : field(wanted) {}

  std::string_view field;
  std::optional<std::string> text;
  const char* other = nullptr;  // what the field is, if no string
  int depth = 0;
  bool here = false, object = false;

  bool found(const char* type) {
    if (depth == 1 && here) text.reset(), other = type;
    return true;
  }
  bool null() override { return found("null"); }
  bool boolean(bool) override { return found("true or false"); }
  bool number_integer(std::int64_t) override { return found("a number"); }
  bool number_unsigned(std::uint64_t) override { return found("a number"); }
  bool number_float(double, const std::string&) override { return found("a number"); }
  bool binary(binary_t&) override { return true; }
  bool string(std::string& value) override {
    if (depth == 1 && here) text = std::move(value), other = nullptr;
    return true;
  }
  bool key(std::string& name) override {
    if (depth == 1) here = name == field;
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth == 0) object = true;
    return found("an object"), ++depth, true;
  }
  bool end_object() override { return --depth, true; }
  bool start_array(std::size_t) override { return found("an array"), ++depth, true; }
  bool end_array() override { return --depth, true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }
};

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == line.npos; }

}  // namespace

bool is_json_lines(const fs::path& file) { return unpacked_name(file).extension() == ".jsonl"; }

bool is_text_file(const fs::path& file) { return is_json_lines(file) || unpacked_name(file).extension() == ".txt"; }

std::string document_of_line(std::string_view line, std::string_view field, const std::string& file, std::uint64_t number) {
  FieldFinder finder(field);
  if (!nlohmann::json::sax_parse(line, &finder) || line.find('\0') != line.npos) refuse_json(line, file, number);
  require(finder.object, "{}:{}: expected a JSON object", file, number);
  require(!finder.other, "{}:{}: \"{}\" is {}; expected a string", file, number, field, finder.other ? finder.other : "");
  require(finder.text.has_value(), "{}:{}: has no \"{}\" (data.field says which field holds the text)", file, number, field);
  return std::move(*finder.text);
}

std::string_view DocumentBatch::all() const {
  if (const auto* mapped = std::get_if<MappedFile>(&long_text_))
    return {reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size()};
  if (const auto* buffer = std::get_if<std::unique_ptr<TextBuffer>>(&long_text_)) return (*buffer)->text();
  return text_;
}

DocumentReader::DocumentReader(std::vector<fs::path> files, std::size_t size, fs::path scratch_folder, DocumentPlace from)
    : files_(std::move(files)), size_(size), scratch_folder_(std::move(scratch_folder)), at_(from) {
  for (std::size_t i = 0; i < at_.file; ++i) stored_before_ += fs::file_size(files_[i]);
}

std::optional<DocumentBatch> DocumentReader::next() {
  DocumentBatch batch;
  while (at_.file < files_.size() && batch.text_.size() < size_) {
    if (is_json_lines(files_[at_.file])) read_lines(batch);
    else if (!add_file(batch)) break;
  }
  batch.end_ = at_;
  batch.stored_ = stored_before_ + (stream_ ? stream_->stored() : 0);
  const bool moved = !batch.documents_.empty() || batch.blank_lines_ > 0;
  return moved ? std::optional(std::move(batch)) : std::nullopt;
}

// A file of lines, where the last batch left it.
void DocumentReader::open() {
  stream_ = open_stream(files_[at_.file]);
  buffer_.clear();
  buffer_at_ = 0;
  if (at_.offset > 0) return stream_->skip(at_.offset);
  if (!more_lines()) return;
  refuse_other_content(std::string_view(buffer_).substr(0, 4096), files_[at_.file].string());
  if (buffer_.starts_with(byte_order_mark)) buffer_at_ = at_.offset = byte_order_mark.size();
}

bool DocumentReader::more_lines() {
  buffer_.resize(read_at_once);
  buffer_.resize(stream_->fill(buffer_));
  buffer_at_ = 0;
  return !buffer_.empty();
}

// Appends the next line, without its end; false where there is none.
bool DocumentReader::read_line(std::string& text) {
  const std::size_t begin = text.size();
  bool any = false;
  while (buffer_at_ < buffer_.size() || more_lines()) {
    any = true;
    const char* first = buffer_.data() + buffer_at_;
    const std::size_t left = buffer_.size() - buffer_at_;
    const auto* end = static_cast<const char*>(std::memchr(first, '\n', left));
    const std::size_t count = end ? static_cast<std::size_t>(end - first) : left, moved = count + (end ? 1 : 0);
    text.append(first, count);
    buffer_at_ += moved;
    at_.offset += moved;
    require(text.size() - begin <= longest_line, "{}:{}: the line is longer than {} MiB (are its documents on lines of their own?)",
            files_[at_.file].string(), at_.line + 1, longest_line >> 20);
    if (end) break;
  }
  return any;
}

void DocumentReader::read_lines(DocumentBatch& batch) {
  if (!stream_) open();
  while (batch.text_.size() < size_) {
    const std::size_t begin = batch.text_.size();
    if (!read_line(batch.text_)) return finish_file();
    ++at_.line;
    if (is_blank(std::string_view(batch.text_).substr(begin))) {
      batch.text_.resize(begin);
      ++batch.blank_lines_;
    } else {
      batch.documents_.push_back({at_.file, at_.line, begin, batch.text_.size() - begin});
    }
  }
}

// False where the file has to wait for the next batch, because this one is not empty.
bool DocumentReader::add_file(DocumentBatch& batch) {
  const fs::path& file = files_[at_.file];
  buffer_.resize(short_file + 1);
  const std::size_t begin = batch.text_.size(), count = open_stream(file)->fill(buffer_);
  if (count > 0) refuse_other_content(std::string_view(buffer_).substr(0, std::min<std::size_t>(count, 4096)), file.string());
  if (count > short_file) {
    if (batch.documents_.empty() && batch.blank_lines_ == 0) add_long_file(batch);
    return false;
  }
  batch.text_.append(buffer_, 0, count);
  batch.documents_.push_back({at_.file, 0, begin, count});
  finish_file();
  return true;
}

void DocumentReader::add_long_file(DocumentBatch& batch) {
  const fs::path& file = files_[at_.file];
  if (!is_compressed(file)) {
    batch.long_text_ = MappedFile(file);
  } else {
    auto buffer = std::make_unique<TextBuffer>(scratch_folder_, size_);
    const std::unique_ptr<ByteStream> stream = open_stream(file);
    std::string piece(read_at_once, '\0');
    while (const std::size_t count = stream->fill(piece)) buffer->append(std::string_view(piece).substr(0, count));
    batch.long_text_ = std::move(buffer);
  }
  batch.documents_.push_back({at_.file, 0, 0, batch.all().size()});
  finish_file();
}

void DocumentReader::finish_file() {
  stored_before_ += fs::file_size(files_[at_.file]);
  stream_.reset();
  at_ = {at_.file + 1, 0, 0};
}

}  // namespace ablate
