#include "train/data/encode_batch.h"

#include "base/error.h"
#include "base/hash.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <thread>

namespace ablate {
namespace {

constexpr std::size_t group_bytes = 512 << 10;  // of documents that one core takes at a time
constexpr std::size_t long_document = 4 << 20;  // a longer one is for all cores
constexpr std::size_t bytes_per_mistake = 100;  // one ill-formed part in less text than this is another encoding, not damage

struct Group {
  std::size_t begin = 0, end = 0;  // documents
  bool is_long = false;
  std::vector<std::byte> ids = {};
  std::uint64_t empty = 0;
  std::int32_t greatest = -1;
  struct Damage {
    std::uint64_t places = 0, line = 0;
  };
  std::map<std::size_t, Damage> damage = {};
  std::exception_ptr error = {};
};

std::vector<Group> groups_of(const DocumentBatch& batch) {
  std::vector<Group> groups;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < batch.documents().size(); ++i) {
    const std::size_t size = batch.documents()[i].size;
    const bool is_long = size > long_document;
    if (groups.empty() || is_long || groups.back().is_long || bytes + size > group_bytes) groups.push_back({i, i, is_long}), bytes = 0;
    groups.back().end = i + 1;
    bytes += size;
  }
  return groups;
}

class Encoding {
 public:
  Encoding(const DocumentBatch& batch, const std::vector<std::filesystem::path>& files, const TextEncoder& encoder, int width,
           const TextRules& rules)
      : batch_(batch), files_(files), encoder_(encoder), width_(width), rules_(rules) {}

  void encode(Group& group) const {
    try {
      std::vector<std::string> read;  // of lines of JSON
      read.reserve(group.end - group.begin);
      std::vector<std::string_view> texts;
      for (std::size_t i = group.begin; i < group.end; ++i) texts.push_back(text_of(batch_.documents()[i], group, read));
      if (group.is_long) {
        bool begun = false;
        encoder_.encode(texts.front(), [&](std::span<const std::int32_t> ids) { begun = append(group, ids, begun); });
        close_document(group, begun);
      } else {
        encoder_.encode_each(texts, [&](std::span<const std::int32_t> ids) { close_document(group, append(group, ids, false)); });
      }
    } catch (...) {
      group.error = std::current_exception();
    }
  }

 private:
  std::string_view text_of(const DocumentBatch::Document& document, Group& group, std::vector<std::string>& read) const {
    std::string_view text = batch_.text(document);
    const bool json = document.line > 0;
    std::string repaired;
    if (json || encoder_.decodes) {
      if (const IllFormed bad = find_ill_formed(text); bad.count > 0) {
        note_damage(document, text, bad, group);
        if (json) text = repaired = repair_utf8(text);
      }
    }
    if (!json) return text;
    return read.emplace_back(document_of_line(text, rules_.field, files_[document.file].string(), document.line));
  }

  static void note_damage(const DocumentBatch::Document& document, std::string_view text, const IllFormed& bad, Group& group) {
    const auto line =
        document.line > 0
            ? document.line
            : static_cast<std::uint64_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad.first), '\n')) + 1;
    Group::Damage& damage = group.damage.emplace(document.file, Group::Damage{0, line}).first->second;
    damage.places += bad.count;
  }

  /// Whether the document has ids now; `begun`: it had before.
  bool append(Group& group, std::span<const std::int32_t> ids, bool begun) const {
    if (ids.empty()) return begun;
    if (!begun && rules_.start_id >= 0) put(group, std::span(&rules_.start_id, 1));
    put(group, ids);
    return true;
  }

  void close_document(Group& group, bool has_ids) const {
    if (!has_ids) ++group.empty;
    else if (rules_.end_id >= 0) put(group, std::span(&rules_.end_id, 1));
  }

  void put(Group& group, std::span<const std::int32_t> ids) const {
    const std::vector<std::byte> bytes = pack_ids(ids, width_);
    group.ids.insert(group.ids.end(), bytes.begin(), bytes.end());
    group.greatest = std::max(group.greatest, *std::max_element(ids.begin(), ids.end()));
  }

  const DocumentBatch& batch_;
  const std::vector<std::filesystem::path>& files_;
  const TextEncoder& encoder_;
  int width_;
  const TextRules& rules_;
};

void encode_all(std::vector<Group>& groups, const Encoding& encoding, unsigned threads) {
  for (Group& group : groups)
    if (group.is_long) encoding.encode(group);  // by all cores
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < groups.size(); i = next++)
      if (!groups[i].is_long) encoding.encode(groups[i]);
  };
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(threads, groups.size()); ++i) others.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& other : others) other.get();
}

/// Refuses a file that has more damage than text, as far as this batch goes.
void check_encoding(const DocumentBatch& batch, const BatchRecord& record, const std::vector<std::filesystem::path>& files) {
  for (const auto& [file, damage] : record.damage) {
    std::uint64_t bytes = 0;
    for (const DocumentBatch::Document& document : batch.documents())
      if (document.file == file) bytes += document.size;
    require(
        damage.places * bytes_per_mistake <= bytes || bytes < bytes_per_mistake,
        "{}: is not UTF-8: {} places in {} bytes are ill-formed, the first on line {}; convert it (iconv -f latin1 -t utf-8, or whichever encoding it has)",
        files[file].string(), damage.places, bytes, damage.line);
  }
}

}  // namespace

EncodedBatch encode_batch(const DocumentBatch& batch, const std::vector<std::filesystem::path>& files, const TextEncoder& encoder,
                          int width, const TextRules& rules) {
  std::vector<Group> groups = groups_of(batch);
  const unsigned threads = rules.threads > 0 ? rules.threads : std::max(1u, std::thread::hardware_concurrency());
  encode_all(groups, Encoding(batch, files, encoder, width, rules), threads);
  EncodedBatch all;
  BatchRecord& record = all.record;
  record.end = batch.end();
  record.documents = batch.documents().size();
  record.blank_lines = batch.blank_lines();
  Hasher hasher;
  for (Group& group : groups) {
    if (group.error) std::rethrow_exception(group.error);
    record.empty += group.empty;
    record.greatest = std::max(record.greatest, group.greatest);
    for (const auto& [file, damage] : group.damage)
      record.damage.emplace(file, BatchRecord::Damage{0, damage.line}).first->second.places += damage.places;
    record.ids += group.ids.size() / static_cast<std::size_t>(width);
    hasher.add(std::span<const std::byte>(group.ids));
    all.ids.push_back(std::move(group.ids));
  }
  record.hash = hasher.number();
  check_encoding(batch, record, files);
  return all;
}

}  // namespace ablate
