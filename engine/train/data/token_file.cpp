#include "train/data/token_file.h"

#include "base/cache.h"
#include "base/content.h"
#include "base/error.h"
#include "base/file_hash.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <future>
#include <thread>

namespace ablate {
namespace {

/// llm.c's headers: 256 int32, of which the first is a magic number, the second a version, the third the number of ids.
/// https://github.com/karpathy/llm.c/blob/master/dev/data/data_common.py
struct Header {
  std::int32_t magic, version;
  int width;
};
constexpr Header headers[] = {{20240520, 1, 2}, {20240801, 7, 4}};
constexpr std::size_t header_bytes = 256 * sizeof(std::int32_t);
constexpr std::int32_t evaluation_magic = 20240522;  // HellaSwag and the like: questions, not a row of ids

const char* name_of_width(int width) { return width == 2 ? "uint16" : "uint32"; }

/// What the ids at odd places (the second, the fourth, ...) would be if they were the upper halves of wider ones.
struct UpperHalves {
  std::int64_t pairs = 0, zeros = 0;
  std::int32_t greatest = 0, greatest_lower = 0;

  explicit UpperHalves(const TokenSpan& tokens) : pairs(tokens.size() / 2) {
    constexpr std::int64_t most = 1 << 20;  // of pairs that are looked at
    pairs = std::min(pairs, most);
    for (std::int64_t i = 0; i < pairs; ++i) {
      const std::int32_t lower = tokens[2 * i], upper = tokens[2 * i + 1];
      zeros += upper == 0;
      greatest = std::max(greatest, upper);
      greatest_lower = std::max(greatest_lower, lower);
    }
  }
};

/// Among some ids; the memory that held them may be had back.
std::uint32_t greatest_in(const TokenSpan& tokens) {
  std::uint32_t greatest = 0;
  for (std::int64_t i = 0; i < tokens.size(); ++i) greatest = std::max(greatest, static_cast<std::uint32_t>(tokens[i]));
  drop_pages(tokens.bytes);
  return greatest;
}

/// The same on all cores.
std::uint32_t greatest_on_all_cores(const TokenSpan& tokens) {
  constexpr std::int64_t piece = 8 << 20;
  std::atomic<std::int64_t> next = 0;
  const auto work = [&] {
    std::uint32_t greatest = 0;
    for (std::int64_t begin = next.fetch_add(piece); begin < tokens.size(); begin = next.fetch_add(piece))
      greatest = std::max(greatest, greatest_in(tokens.part(begin, std::min(begin + piece, tokens.size()))));
    return greatest;
  };
  std::vector<std::future<std::uint32_t>> others;
  for (unsigned i = 1; i < std::max(1u, std::thread::hardware_concurrency()); ++i) others.push_back(std::async(std::launch::async, work));
  std::uint32_t greatest = work();
  for (auto& other : others) greatest = std::max(greatest, other.get());
  return greatest;
}

}  // namespace

TokenFile::TokenFile(const std::filesystem::path& path, int width) : file_(path), where_(path.string()), tokens_{file_.bytes(), width} {
  if (const std::string what = describe_container(file_.bytes()); !what.empty()) bad_input("{}: is {}", where_, what);
  read_header(width);
  if (tokens_.width == 0) tokens_.width = 2;
  require(tokens_.bytes.size() % static_cast<std::size_t>(tokens_.width) == 0, "{}: {} bytes are no whole number of {}-byte ids", where_,
          tokens_.bytes.size(), tokens_.width);
  check_width(width != 0);
}

void TokenFile::read_header(int width) {
  std::array<std::int32_t, 3> start{};
  if (file_.bytes().size() < header_bytes) return;
  std::memcpy(start.data(), file_.bytes().data(), sizeof(start));
  require(start[0] != evaluation_magic, "{}: is a file of questions of llm.c, no row of ids", where_);
  const auto header = std::find_if(std::begin(headers), std::end(headers), [&](const Header& h) { return h.magic == start[0]; });
  if (header == std::end(headers)) return;
  require(start[1] == header->version, "{}: has llm.c's header {} of version {}; expected version {}", where_, start[0], start[1],
          header->version);
  require(width == 0 || width == header->width, "{}: its header (llm.c's {}) says {}, data.dtype says {}", where_, start[0],
          name_of_width(header->width), name_of_width(width));
  tokens_ = {file_.bytes().subspan(header_bytes), header->width};
  require(tokens_.size() == start[2], "{}: its header (llm.c's {}) says {} ids, the file holds {} (was it cut short?)", where_, start[0],
          start[2], tokens_.size());
}

/// Ids of 32 or 64 bits read in half their width: every second one is 0, or hardly more where the vocabulary is over 65536.
void TokenFile::check_width(bool said) const {
  const UpperHalves halves(tokens_);
  require(halves.pairs < 64 || halves.greatest > 0 || halves.greatest_lower > 0,
          "{}: its first {} ids are all 0 (a download or a copy that did not end?)", where_, 2 * halves.pairs);
  if (halves.pairs < 4 || halves.greatest_lower == 0) return;
  const bool narrow = tokens_.width == 2;
  require(halves.zeros < halves.pairs, "{}: every second id is 0: {}", where_,
          narrow ? "are they uint32 (data.dtype = \"uint32\"), or int64?" : "are they int64? write them as uint32");
  constexpr std::int32_t small = 8, large = 1024;  // uint32 ids below 8 * 65536
  require(said || !narrow || halves.pairs < 64 || halves.greatest >= small || halves.greatest_lower < large,
          "{}: every second id is at most {}, the others up to {}: give data.dtype, \"uint32\" or \"uint16\"", where_, halves.greatest,
          halves.greatest_lower);
}

std::uint32_t TokenFile::greatest_of_long() const {
  const CacheFile cache(std::filesystem::path("greatest_ids") / fmt::format("{}.u{}", content_hash(where_), 8 * tokens_.width));
  std::uint32_t greatest = 0;
  if (const auto kept = cache.read(); kept && kept->bytes().size() == sizeof(greatest)) {
    std::memcpy(&greatest, kept->bytes().data(), sizeof(greatest));
    return greatest;
  }
  greatest = greatest_on_all_cores(tokens_);
  cache.keep([&](const CacheFile::Sink& sink) {
    sink(std::as_bytes(std::span(&greatest, 1)));
    return true;
  });
  return greatest;
}

std::uint32_t TokenFile::greatest() const {
  constexpr std::int64_t long_file = 32 << 20;  // ids
  return tokens_.size() < long_file ? greatest_in(tokens_) : greatest_of_long();
}

std::int64_t TokenFile::vocabulary(std::int64_t most) const {
  if (tokens_.size() == 0) return 0;
  const std::int64_t all = std::int64_t{greatest()} + 1, limit = most > 0 ? std::min(most, std::int64_t{1} << 31) : std::int64_t{1} << 31;
  if (all <= limit) return all;
  for (std::int64_t i = 0; i < tokens_.size(); ++i) {
    const std::int64_t id = tokens_[i];
    require(id >= 0, "{}: the id at {} is over 2^31 (is it uint16?)", where_, i);
    require(most == 0 || id < most,
            "{}: the id at {} is {}, which a vocabulary of {} does not have (the ids are read as {}; data.dtype says how)", where_, i, id,
            most, name_of_width(tokens_.width));
  }
  return all;
}

}  // namespace ablate
