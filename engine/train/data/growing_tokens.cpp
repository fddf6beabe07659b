#include "train/data/growing_tokens.h"

#include "base/hash.h"
#include "base/system_file.h"

#include <nlohmann/json.hpp>

namespace ablate {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

BatchRecord record_of(const Json& json) {
  BatchRecord record;
  record.end = {json.at("file"), json.at("offset"), json.at("line")};
  record.ids = json.at("ids");
  record.hash = json.at("hash");
  record.documents = json.at("documents");
  record.empty = json.at("empty");
  record.blank_lines = json.at("blank_lines");
  record.greatest = json.at("greatest");
  for (const Json& damage : json.at("damage")) record.damage[damage.at(0)] = {damage.at(1), damage.at(2)};
  return record;
}

/// Something else that has the name stands in the way: a pipe would be waited for.
void make_way(const fs::path& path) {
  const fs::file_status status = fs::symlink_status(path);
  if (fs::exists(status) && !fs::is_regular_file(status)) fs::remove(path);
}

system_file::Handle open_at(const fs::path& path, std::uintmax_t size) {
  if (fs::exists(path)) fs::resize_file(path, size);
  system_file::Handle file = system_file::none;
  if (const std::string trouble = system_file::open_to_append(path, file); !trouble.empty())
    throw WriteError(path, "cannot be written", trouble);
  return file;
}

void write(system_file::Handle file, const fs::path& path, std::span<const std::byte> bytes) {
  if (const std::string trouble = system_file::write_all(file, bytes); !trouble.empty()) throw WriteError(path, "writing failed", trouble);
}

void flush(system_file::Handle file, const fs::path& path) {
  if (const std::string trouble = system_file::flush(file); !trouble.empty()) throw WriteError(path, "writing failed", trouble);
}

}  // namespace

std::string to_line(const BatchRecord& record) {
  Json damage = Json::array();
  for (const auto& [file, places] : record.damage) damage.push_back({file, places.places, places.line});
  return Json{
             {"file", record.end.file},     {"offset", record.end.offset},   {"line", record.end.line}, {"ids", record.ids},
             {"hash", record.hash},         {"documents", record.documents}, {"empty", record.empty},   {"blank_lines", record.blank_lines},
             {"greatest", record.greatest}, {"damage", std::move(damage)}}
             .dump() +
         "\n";
}

std::vector<BatchRecord> read_records(std::string_view text) {
  std::vector<BatchRecord> records;
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1) try {
      records.push_back(record_of(Json::parse(text.substr(begin, end - begin))));
    } catch (const Json::exception&) {
      break;
    }
  return records;
}

std::size_t whole_records(std::span<const BatchRecord> records, std::span<const std::byte> ids, int width) {
  std::size_t whole = 0;
  for (const BatchRecord& record : records) {
    if (record.ids > ids.size() / static_cast<std::size_t>(width)) break;
    const auto own = ids.first(static_cast<std::size_t>(record.ids) * static_cast<std::size_t>(width));
    if (hash_bytes(own) != record.hash) break;
    drop_pages(own);
    ids = ids.subspan(own.size());
    ++whole;
  }
  return whole;
}

GrowingTokens::GrowingTokens(fs::path ids, fs::path journal, int width) : ids_path_(std::move(ids)), journal_path_(std::move(journal)) {
  make_way(ids_path_);
  make_way(journal_path_);
  take_up(width);
  std::string lines;
  std::uintmax_t size = 0;
  for (const BatchRecord& record : records_) {
    lines += to_line(record);
    size += record.ids * static_cast<std::uintmax_t>(width);
  }
  write_atomically(journal_path_, lines);
  ids_ = open_at(ids_path_, size);
  try {
    journal_ = open_at(journal_path_, lines.size());
  } catch (...) {
    system_file::close(ids_);
    throw;
  }
}

GrowingTokens::~GrowingTokens() {
  system_file::close(ids_);
  system_file::close(journal_);
}

void GrowingTokens::take_up(int width) {
  if (!fs::exists(ids_path_) || !fs::exists(journal_path_)) return;
  try {
    records_ = read_records(read_text(journal_path_));
    records_.resize(whole_records(records_, MappedFile(ids_path_).bytes(), width));
  } catch (const InputError&) {
    records_.clear();  // cannot be read: made again
  }
}

void GrowingTokens::append(std::span<const std::vector<std::byte>> ids, const BatchRecord& record) {
  for (const std::vector<std::byte>& piece : ids) write(ids_, ids_path_, piece);
  flush(ids_, ids_path_);
  const std::string line = to_line(record);
  write(journal_, journal_path_, std::as_bytes(std::span(line)));
  flush(journal_, journal_path_);
  records_.push_back(record);
}

}  // namespace ablate
