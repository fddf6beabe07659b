#include "model/tokenizer/bpe.h"

#include "base/error.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <cstring>
#include <queue>
#include <utility>

namespace ablate {

namespace {

constexpr std::size_t short_word = 64;  // in bytes: no use to look for joints

std::uint64_t pair_key(std::uint32_t left, std::uint32_t right) { return (static_cast<std::uint64_t>(left) << 32) | right; }
std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return pair_key(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right));
}

/// "a b", or ["a", "b"]; nothing for the version line of an old merges file.
std::optional<std::pair<std::string, std::string>> read_merge(const JsonNode& node) {
  if (node.is_array()) {
    if (node.size() != 2) node.refuse("expected two tokens");
    return std::pair{node.element(0).string(), node.element(1).string()};
  }
  const std::string& text = node.string();
  if (text.starts_with("#version")) return std::nullopt;
  const std::size_t space = text.find(' ');
  if (space == text.npos || text.find(' ', space + 1) != text.npos) node.refuse("expected two tokens with one space between them");
  return std::pair{text.substr(0, space), text.substr(space + 1)};
}

}  // namespace

bool Bpe::Cache::find(std::string_view word, std::vector<std::int32_t>& ids) const {
  const Slot& slot = slots_[place_of(word)];
  if (slot.bytes != word.size() || slot.count == 0 || std::memcmp(slot.word.data(), word.data(), word.size()) != 0) return false;
  ids.insert(ids.end(), slot.ids.begin(), slot.ids.begin() + slot.count);
  return true;
}

void Bpe::Cache::insert(std::string_view word, std::span<const std::int32_t> ids) {
  Slot& slot = slots_[place_of(word)];
  if (word.size() > slot.word.size() || ids.empty() || ids.size() > slot.ids.size()) return;
  slot.bytes = static_cast<std::uint8_t>(word.size());
  slot.count = static_cast<std::uint8_t>(ids.size());
  std::copy(word.begin(), word.end(), slot.word.begin());
  std::copy(ids.begin(), ids.end(), slot.ids.begin());
}

Bpe::Bpe(const JsonNode& node) : where_(node.where()) {
  // Files from before the model had a type are told by their keys.
  if (const auto type = node.find("type"); type && type->string() != "BPE") type->refuse_name("BPE");
  node.allow_only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
                   "ignore_merges", "vocab", "merges"});
  if (const auto dropout = node.find("dropout"); dropout && dropout->number() != 0)
    dropout->refuse("dropout is not supported; expected null");
  const auto text = [&](std::string_view key) {
    const auto value = node.find(key);
    return value ? value->string() : std::string();
  };
  continuing_prefix_ = text("continuing_subword_prefix");
  end_suffix_ = text("end_of_word_suffix");
  if (const auto unknown = node.find("unk_token")) unknown_ = unknown->string();
  fuse_unknown_ = node.flag("fuse_unk", false);
  byte_fallback_ = node.flag("byte_fallback", false);
  ignore_merges_ = node.flag("ignore_merges", false);
  read_vocabulary(node.at("vocab"));
  for (unsigned byte = 0; byte_fallback_ && byte < 256; ++byte) bytes_[byte] = id_of(fmt::format("<0x{:02X}>", byte));
  read_characters();
  read_merges(node.at("merges"));
  find_joints();
}

Bpe::~Bpe() = default;

void Bpe::read_characters() {
  for (const auto& [token, id] : ids_) {
    std::size_t at = 0;
    if (token.empty()) continue;
    const char32_t character = next_code_point(token, at);
    if (at != token.size()) continue;
    if (character >= characters_.size()) characters_.resize(character + 1, -1);
    characters_[character] = id;
  }
}

void Bpe::read_vocabulary(const JsonNode& node) {
  node.members([&](const std::string& token, const JsonNode& value) {
    const auto id = static_cast<std::int32_t>(value.integer(0, greatest_token_id));
    const auto entry = ids_.emplace(token, id).first;
    // Of tokens that share an id, one is decoded.
    if (!tokens_.emplace(id, &entry->first).second) shared_ids_ = true;
    greatest_id_ = std::max(greatest_id_, id);
  });
}

void Bpe::read_merges(const JsonNode& node) {
  std::int32_t rank = 0;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const JsonNode line = node.element(i);
    const auto pair = read_merge(line);
    if (!pair) continue;
    const auto& [left, right] = *pair;
    const auto known = [&](const std::string& token) {
      const auto id = id_of(token);
      if (!id) line.refuse("a token of this merge is not in the vocabulary");
      return *id;
    };
    const std::int32_t left_id = known(left);
    const std::int32_t right_id = known(right);
    if (right.size() < continuing_prefix_.size()) line.refuse("the second token is shorter than continuing_subword_prefix");
    merges_.set(pair_key(left_id, right_id), {rank++, known(left + right.substr(continuing_prefix_.size()))});
  }
}

class Bpe::Joints : public Cutter {
 public:
  explicit Joints(const Bpe& model) : model_(model) {}
  using Cutter::cut;

  std::size_t cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const override {
    const std::string_view word = piece.text;
    if (from >= word.size()) return word.size();
    std::size_t begin = from;
    std::size_t at = from;
    char32_t left = next_code_point(word, at);
    while (begin < until) {
      if (at == word.size()) {
        sink(piece.part(begin, at));
        return at;
      }
      const std::size_t here = at;
      const char32_t right = next_code_point(word, at);
      if (model_.can_cut(left, right)) {
        sink(piece.part(begin, here));
        begin = here;
      }
      left = right;
    }
    return begin;
  }

 private:
  const Bpe& model_;
};

/// A merge can only cross from one character to the next if some merged token has the two side by side. Where byte and unknown tokens,
/// which stand for characters they do not spell, take part in merges, or words change their spelling, or an id stands for several tokens,
/// that
/// does not hold.
void Bpe::find_joints() {
  bool cuts = continuing_prefix_.empty() && end_suffix_.empty() && !shared_ids_;
  std::unordered_set<std::int32_t> stand_ins;
  if (unknown_ && id_of(*unknown_)) stand_ins.insert(*id_of(*unknown_));
  for (const auto& id : bytes_) {
    if (id) stand_ins.insert(*id);
  }
  for (const auto& [key, merge] : merges_.entries()) {
    if (key == PairTable<Merge>::none) continue;
    if (stand_ins.contains(static_cast<std::int32_t>(key >> 32)) || stand_ins.contains(static_cast<std::int32_t>(key))) cuts = false;
    const std::string_view token = *tokens_.at(merge.id);
    char32_t last = 0;
    for (std::size_t at = 0; at < token.size();) {
      const bool first = at == 0;
      const char32_t c = next_code_point(token, at);
      if (!first) joints_.insert(pair_key(last, c));
      last = c;
    }
  }
  if (cuts) cutter_ = std::make_unique<Joints>(*this);
}

/// Both must be in the vocabulary: what is not becomes bytes or unknown tokens, which may fuse.
bool Bpe::can_cut(char32_t left, char32_t right) const {
  return id_of_character(left) >= 0 && id_of_character(right) >= 0 && !joints_.contains(pair_key(left, right));
}

const Cutter* Bpe::joints(std::string_view word) const { return ignore_merges_ && id_of(word) ? nullptr : cutter_.get(); }

std::optional<std::int32_t> Bpe::id_of(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* Bpe::token_of(std::int32_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : found->second;
}

const Bpe::Merge* Bpe::merge_of(std::int32_t left, std::int32_t right) const { return merges_.find(pair_key(left, right)); }

/// A character of the word, or several that were merged; linked by indices, because merging removes symbols from the middle.
struct Bpe::Symbol {
  std::int32_t id;
  std::int32_t previous, next;  // -1 at the ends
  bool gone = false;
};

struct Bpe::Candidate {
  std::int32_t rank, position, id;

  bool operator<(const Candidate& other) const {  // the greatest is taken first: lowest rank, then leftmost
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

bool Bpe::append_bytes(std::vector<Symbol>& symbols, std::string_view character) const {
  const auto id = [&](char c) { return bytes_[static_cast<unsigned char>(c)]; };
  if (!std::all_of(character.begin(), character.end(), id)) return false;
  for (const char c : character) symbols.push_back({*id(c), 0, 0});
  return true;
}

std::optional<std::int32_t> Bpe::unknown_id() const {
  if (!unknown_) return std::nullopt;
  const auto id = id_of(*unknown_);
  if (!id) bad_input("{}: the text has a character without a token, and unk_token is not in the vocabulary", where_);
  return id;
}

std::vector<Bpe::Symbol> Bpe::symbols_of(std::string_view word) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  std::optional<std::int32_t> unknown;  // waits for a known character or the end; bytes overtake it, as in the `tokenizers` library
  const auto append = [&](std::optional<std::int32_t> id) {
    if (id) symbols.push_back({*id, 0, 0});
  };
  std::string spelled;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
    const char32_t code_point = next_code_point(word, at);
    std::string_view character = word.substr(begin, at - begin);
    std::optional<std::int32_t> id;
    if (!continuing_prefix_.empty() || !end_suffix_.empty()) {
      spelled = begin > 0 ? continuing_prefix_ : std::string();
      spelled.append(character).append(at == word.size() ? end_suffix_ : std::string());
      character = spelled;
      id = id_of(character);
    } else if (id_of_character(code_point) >= 0) {
      id = id_of_character(code_point);
    }
    if (id) {
      append(std::exchange(unknown, std::nullopt));
      append(id);
    } else if (!append_bytes(symbols, character)) {
      if (!fuse_unknown_) append(unknown);
      unknown = unknown_id();
    }
  }
  append(unknown);
  link(symbols);
  return symbols;
}

void Bpe::link(std::vector<Symbol>& symbols) {
  const auto count = static_cast<std::int32_t>(symbols.size());
  for (std::int32_t i = 0; i < count; ++i) {
    symbols[static_cast<std::size_t>(i)].previous = i - 1;
    symbols[static_cast<std::size_t>(i)].next = i + 1 < count ? i + 1 : -1;
  }
}

void Bpe::merge(std::vector<Symbol>& symbols) const {
  const auto at = [&](std::int32_t position) -> Symbol& { return symbols[static_cast<std::size_t>(position)]; };
  std::vector<Candidate> first;
  const auto candidate = [&](std::int32_t position) -> std::optional<Candidate> {
    if (position < 0 || at(position).next < 0) return std::nullopt;
    const Merge* found = merge_of(at(position).id, at(at(position).next).id);
    return found ? std::optional(Candidate{found->rank, position, found->id}) : std::nullopt;
  };
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(symbols.size()); ++i) {
    if (const auto found = candidate(i)) first.push_back(*found);
  }
  std::priority_queue<Candidate> queue(std::less<Candidate>(), std::move(first));
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = at(best.position);
    if (left.gone || left.next < 0) continue;
    Symbol& right = at(left.next);
    // The symbols may have changed since the pair was queued; that still counts if they make the same token.
    const Merge* still = merge_of(left.id, right.id);
    if (!still || still->id != best.id) continue;
    left.id = best.id;
    left.next = right.next;
    right.gone = true;
    if (left.next >= 0) at(left.next).previous = best.position;
    if (const auto found = candidate(left.previous)) queue.push(*found);
    if (const auto found = candidate(best.position)) queue.push(*found);
  }
}

void Bpe::merge_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  require(word.size() <= INT32_MAX, "a word of the text is longer than {} bytes", INT32_MAX);
  std::vector<Symbol> symbols = symbols_of(word);
  merge(symbols);
  for (const Symbol& symbol : symbols) {
    if (!symbol.gone) ids.push_back(symbol.id);
  }
}

void Bpe::encode_part(std::string_view part, Cache& cache, std::vector<std::int32_t>& ids) const {
  if (ignore_merges_) return merge_word(part, ids);  // the cache has whole words, which may be one token without any merge
  if (cache.find(part, ids)) return;
  const std::size_t before = ids.size();
  merge_word(part, ids);
  cache.insert(part, std::span(ids).subspan(before));
}

void Bpe::encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const {
  if (cache.find(word, ids)) return;
  const std::size_t before = ids.size();
  if (const auto id = ignore_merges_ ? id_of(word) : std::nullopt) {
    ids.push_back(*id);
  } else if (!cutter_ || word.size() <= short_word) {
    merge_word(word, ids);
  } else {
    cutter_->cut({word}, [&](Piece part) { encode_part(part.text, cache, ids); });
  }
  cache.insert(word, std::span(ids).subspan(before));
}

}  // namespace ablate
