#include "model/tokenizer/cutter.h"

#include "model/tokenizer/scripts.h"
#include "model/tokenizer/unicode.h"

namespace ablate {

std::size_t MatchCutter::cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const {
  Splitter splitter(piece, behavior_, sink);
  std::size_t done = from;
  for (Regex::Scan scan(pattern_, piece.text, from); scan.next(); done = scan.end()) {
    if (done != scan.begin()) splitter.span(done, scan.begin(), inverted_);
    if (splitter.has_reached(until)) return splitter.begin();
    splitter.span(scan.begin(), scan.end(), !inverted_);
    if (splitter.has_reached(until)) return splitter.begin();
  }
  if (done != piece.text.size()) splitter.span(done, piece.text.size(), inverted_);
  if (splitter.has_reached(until)) return splitter.begin();
  splitter.flush();
  return piece.text.size();
}

namespace {

template <class Predicate>
class CharacterCutter : public Cutter {
 public:
  CharacterCutter(Predicate is_delimiter, SplitBehavior behavior) : is_delimiter_(is_delimiter), behavior_(behavior) {}

  std::size_t cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const override {
    Splitter splitter(piece, behavior_, sink);
    std::size_t done = from;
    for (std::size_t at = from; at < piece.text.size();) {
      const std::size_t begin = at;
      if (!is_delimiter_(next_code_point(piece.text, at))) continue;
      if (done < begin) splitter.span(done, begin, false);
      if (splitter.has_reached(until)) return splitter.begin();
      splitter.span(begin, at, true);
      if (splitter.has_reached(until)) return splitter.begin();
      done = at;
    }
    if (done < piece.text.size()) splitter.span(done, piece.text.size(), false);
    if (splitter.has_reached(until)) return splitter.begin();
    splitter.flush();
    return piece.text.size();
  }

 private:
  Predicate is_delimiter_;
  SplitBehavior behavior_;
};

/// Like the `tokenizers` library it leaves out what comes before the first character that has a script.
class ScriptCutter : public Cutter {
 public:
  std::size_t cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const override {
    constexpr std::size_t none = std::string_view::npos;
    std::size_t begin = none;
    int last = Scripts::any;
    for (std::size_t at = from; at < piece.text.size();) {
      const std::size_t here = at;
      const int script = scripts_.of(next_code_point(piece.text, at));
      if (script == Scripts::any || script == last) continue;
      last = script;
      if (begin != none) sink(piece.part(begin, here));
      begin = here;
      if (begin >= until) return begin;
    }
    if (begin != none) sink(piece.part(begin, piece.text.size()));
    return piece.text.size();
  }

 private:
  Scripts scripts_;
};

class LengthCutter : public Cutter {
 public:
  explicit LengthCutter(std::size_t length) : length_(length) {}

  std::size_t cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const override {
    std::size_t begin = from;
    while (begin < piece.text.size() && begin < until) {
      std::size_t end = begin;
      for (std::size_t i = 0; i < length_ && end < piece.text.size(); ++i) next_code_point(piece.text, end);
      sink(piece.part(begin, end));
      begin = end;
    }
    return begin;
  }

 private:
  std::size_t length_;
};

}  // namespace

std::unique_ptr<Cutter> cut_at_characters(bool (*is_delimiter)(char32_t), SplitBehavior behavior) {
  return std::make_unique<CharacterCutter<bool (*)(char32_t)>>(is_delimiter, behavior);
}

std::unique_ptr<Cutter> cut_at_character(char32_t delimiter, SplitBehavior behavior) {
  const auto is_delimiter = [delimiter](char32_t c) { return c == delimiter; };
  return std::make_unique<CharacterCutter<decltype(is_delimiter)>>(is_delimiter, behavior);
}

std::unique_ptr<Cutter> cut_at_scripts() { return std::make_unique<ScriptCutter>(); }
std::unique_ptr<Cutter> cut_at_lengths(std::size_t length) { return std::make_unique<LengthCutter>(length); }

}  // namespace ablate
