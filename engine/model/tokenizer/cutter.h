// Cuts text into parts. What a pre-tokenizer does, apart from changing the text; and where byte pair encoding may cut a long word.
#pragma once

#include "model/tokenizer/pieces.h"
#include "model/tokenizer/regex.h"

#include <memory>
#include <string_view>

namespace ablate {

class Cutter {
 public:
  virtual ~Cutter() = default;

  /// Passes on the parts of `piece` that begin at or behind `from` and before `until`, in order; each is exact, also one that ends behind
  /// `until`. Returns where the first part that it does not pass on begins; the size of the piece if there is none. `from` is 0, or where a
  /// part begins or ends: there is nothing else to know about the text before it.
  virtual std::size_t cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const = 0;
  void cut(Piece piece, PieceSink sink) const { cut(piece, 0, piece.text.size(), sink); }

  /// Whether `from` may be other than 0.
  virtual bool resumes() const { return true; }
};

/// At the matches of a pattern, or, inverted, at what lies between them.
class MatchCutter : public Cutter {
 public:
  MatchCutter(Regex pattern, SplitBehavior behavior, bool inverted)
      : pattern_(std::move(pattern)), behavior_(behavior), inverted_(inverted) {}
  using Cutter::cut;
  std::size_t cut(Piece piece, std::size_t from, std::size_t until, PieceSink sink) const override;
  bool resumes() const override { return pattern_.resumes(); }

 private:
  Regex pattern_;
  SplitBehavior behavior_;
  bool inverted_;
};

/// At every character that a function says yes to.
std::unique_ptr<Cutter> cut_at_characters(bool (*is_delimiter)(char32_t), SplitBehavior behavior);
std::unique_ptr<Cutter> cut_at_character(char32_t delimiter, SplitBehavior behavior);

/// Where the script changes, as SentencePiece sees it: hiragana, katakana and the prolonged sound mark are Han, and a space is of any
/// script.
std::unique_ptr<Cutter> cut_at_scripts();

/// After every `length` characters.
std::unique_ptr<Cutter> cut_at_lengths(std::size_t length);

}  // namespace ablate
