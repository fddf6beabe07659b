#include "train/data/corpus.h"

#include "base/cache.h"
#include "base/error.h"
#include "base/file_hash.h"
#include "base/hash.h"
#include "base/signals.h"
#include "base/size.h"
#include "model/tokenizer/libraries.h"
#include "train/data/data_files.h"
#include "train/data/encode_batch.h"
#include "train/data/growing_tokens.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <numeric>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr int cache_version = 1;                        // part of every key: raise it when documents or ids change
constexpr std::uint64_t checked_whole = 1ull << 30;     // bytes of ids: of more, the first and the last batch are looked at
constexpr std::uint64_t most_in_memory = 256ull << 20;  // bytes of files, where nothing can be kept
constexpr std::size_t files_named = 10;                 // in notes
constexpr std::chrono::seconds between_lines{10};

fs::path tokens_folder() { return cache_folder() / "tokens"; }

std::string key_of(const std::vector<fs::path>& files, const TextEncoder& encoder, const TextRules& rules) {
  Hasher key;
  key.add(fmt::format("documents {}, {}", cache_version, tokenizer_libraries())).add(encoder.identity);
  key.add(fmt::format("{} {}", rules.start_id, rules.end_id)).add(rules.field);
  for (const fs::path& file : files)
    key.add(fmt::format("{}{}", is_json_lines(file) ? "lines" : "text", is_compressed(file) ? file.extension().string() : ""))
        .add(content_hash(file));
  return key.hex();
}

std::uint64_t stored_size(const std::vector<fs::path>& files) {
  return std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const fs::path& file) { return sum + fs::file_size(file); });
}

std::uint64_t ids_in(std::span<const BatchRecord> records) {
  return std::accumulate(records.begin(), records.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const BatchRecord& r) { return sum + r.ids; });
}

/// Whether a finished file of ids is what its records say.
bool fits(std::span<const BatchRecord> records, std::span<const std::byte> ids, int width) {
  const auto each = static_cast<std::size_t>(width);
  if (ids.size() != ids_in(records) * each) return false;
  if (records.empty()) return true;
  if (ids.size() <= checked_whole) return whole_records(records, ids, width) == records.size();
  const std::size_t last = static_cast<std::size_t>(records.back().ids) * each;
  return whole_records(records.first(1), ids, width) == 1 && whole_records(records.last(1), ids.last(last), width) == 1;
}

std::string time_text(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  return whole < 60     ? fmt::format("{} s", whole)
         : whole < 3600 ? fmt::format("{} min", whole / 60)
                        : fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

/// Says from time to time how far the files have been read.
class Watch {
 public:
  Watch(const TextRules& rules, const std::vector<fs::path>& files, std::uint64_t begin)
      : rules_(rules), name_(name_of_files(files)), all_(stored_size(files)), begin_(begin) {}

  void at(std::uint64_t stored) {
    const Clock::time_point now = Clock::now();
    if (!rules_.tell || now - told_ < between_lines) return;
    told_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count(), rate = static_cast<double>(stored - begin_) / seconds;
    const double left = rate > 0 ? static_cast<double>(all_ - std::min(stored, all_)) / rate : 0;
    rules_.tell(fmt::format("tokenizing {}: {} of {}, {:.1f} MB/s, {} left", name_, size_text(stored), size_text(all_), rate * 1e-6,
                            time_text(left)));
  }

 private:
  using Clock = std::chrono::steady_clock;
  const TextRules& rules_;
  std::string name_;
  std::uint64_t all_, begin_;
  Clock::time_point start_ = Clock::now(), told_ = start_;
};

}  // namespace

Corpus::Corpus(const std::vector<fs::path>& files, const TextEncoder& encoder, int width, const TextRules& rules)
    : files_(files), encoder_(encoder), rules_(rules), width_(width), name_(key_of(files, encoder, rules)) {
  if (!take_up()) make_in_cache();
  note_what_was_found();
}

// What the cache holds, if it is whole.
bool Corpus::take_up() {
  const std::optional<CacheFile::Content> index = CacheFile(fs::path("tokens") / (name_ + ".index")).read();
  if (!index) return false;
  try {
    const auto bytes = index->bytes();
    std::vector<BatchRecord> records = read_records({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    MappedFile ids(tokens_folder() / fmt::format("{}.u{}", name_, 8 * width_));
    if (!fits(records, ids.bytes(), width_)) return false;
    records_ = std::move(records);
    mapped_ = std::move(ids);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

void Corpus::make_in_cache() {
  const fs::path journal = tokens_folder() / (name_ + ".journal");
  const std::string trouble = CacheFile(fs::path("tokens") / (name_ + ".index")).keep([&](const CacheFile::Sink& sink) {
    if (take_up()) return false;  // another run has made it while this one waited
    GrowingTokens ids(tokens_folder() / fmt::format("{}.u{}", name_, 8 * width_), journal, width_);
    tokenize(ids.records().empty() ? DocumentPlace{} : ids.records().back().end,
             [&](std::span<const std::vector<std::byte>> pieces, const BatchRecord& record) { ids.append(pieces, record); });
    for (const BatchRecord& record : ids.records()) {
      const std::string line = to_line(record);
      sink(std::as_bytes(std::span(line)));
    }
    return true;
  });
  std::error_code ignored;
  if (mapped_ || take_up()) {
    fs::remove(journal, ignored);
    return;
  }
  if (stored_size(files_) > most_in_memory)
    throw RunError(fmt::format("{}: its ids are too many for memory, and {}", name_of_files(files_), trouble));
  if (!trouble.empty() && rules_.note) rules_.note(trouble);
  records_.clear();
  tokenize({}, [&](std::span<const std::vector<std::byte>> pieces, const BatchRecord& record) {
    for (const std::vector<std::byte>& piece : pieces) memory_.insert(memory_.end(), piece.begin(), piece.end());
    records_.push_back(record);
  });
}

// One batch is read while the one before is tokenized.
void Corpus::tokenize(DocumentPlace from, const Keep& keep) {
  DocumentReader reader(files_, rules_.batch, tokens_folder(), from);
  std::optional<DocumentBatch> batch = reader.next();
  std::optional<Watch> watch;
  while (batch) {
    std::future<std::optional<DocumentBatch>> ahead = std::async(std::launch::async, [&] { return reader.next(); });
    const EncodedBatch encoded = encode_batch(*batch, files_, encoder_, width_, rules_);
    keep(encoded.ids, encoded.record);
    if (!watch) watch.emplace(rules_, files_, batch->stored_bytes());
    watch->at(batch->stored_bytes());
    if (stop_requested()) throw Interrupted("stopped while text was tokenized; the same command goes on from there");
    batch = ahead.get();
  }
}

std::int32_t Corpus::greatest() const {
  std::int32_t greatest = -1;
  for (const BatchRecord& record : records_) greatest = std::max(greatest, record.greatest);
  return greatest;
}

void Corpus::note_what_was_found() const {
  if (!rules_.note) return;
  std::map<std::size_t, BatchRecord::Damage> damage;
  std::uint64_t empty = 0, blank = 0, documents = 0;
  for (const BatchRecord& record : records_) {
    documents += record.documents;
    empty += record.empty;
    blank += record.blank_lines;
    for (const auto& [file, found] : record.damage)
      damage.emplace(file, BatchRecord::Damage{0, found.line}).first->second.places += found.places;
  }
  std::size_t named = 0;
  for (const auto& [file, found] : damage)
    if (named++ < files_named)
      rules_.note(fmt::format("{}: {} places are no UTF-8, the first on line {}: each is read as U+FFFD", files_[file].string(),
                              found.places, found.line));
  const std::string name = name_of_files(files_);
  if (named > files_named) rules_.note(fmt::format("{}: {} more have places that are no UTF-8", name, named - files_named));
  if (empty > 0) rules_.note(fmt::format("{}: {} of {} documents are empty and give no ids", name, empty, documents));
  if (blank > 0) rules_.note(fmt::format("{}: {} blank lines are no documents", name, blank));
}

}  // namespace ablate
