// Text on its way from the tokenizer's input to words.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace ablate {

/// A stretch of valid UTF-8. `at_start`: its first character came from the first character of the input (Metaspace's scheme "first" asks).
struct Piece {
  std::string_view text;
  bool at_start = false;

  Piece part(std::size_t begin, std::size_t end) const { return {text.substr(begin, end - begin), at_start && begin == 0}; }
};

/// A reference to whatever takes the pieces, one by one; it lives no longer than the call it is passed to.
class PieceSink {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, PieceSink>>>
  PieceSink(F&& take)  // NOLINT(google-explicit-constructor): lambdas are passed where a sink is expected
      : target_(const_cast<void*>(static_cast<const void*>(&take))),
        call_([](void* target, Piece piece) { (*static_cast<std::remove_reference_t<F>*>(target))(piece); }) {}

  void operator()(Piece piece) const { call_(target_, piece); }

 private:
  void* target_;
  void (*call_)(void*, Piece);
};

/// What becomes of the delimiters (spans that matched) when text is split; for "-" in "the-final--countdown":
enum class SplitBehavior {
  removed,               // the final countdown
  isolated,              // the - final - - countdown
  merged_with_previous,  // the- final- - countdown
  merged_with_next,      // the -final - -countdown
  contiguous,            // the - final -- countdown
};

/// Takes adjacent spans that cover a piece, from left to right, joins them as the behavior says, and passes on what is not empty.
class Splitter {
 public:
  Splitter(Piece piece, SplitBehavior behavior, PieceSink sink) : piece_(piece), behavior_(behavior), sink_(sink) {}

  void span(std::size_t begin, std::size_t end, bool is_match) {
    if (joins_pending(is_match)) {
      end_ = end;
    } else {
      flush();
      begin_ = begin;
      end_ = end;
      pending_ = true;
    }
    last_was_match_ = is_match;
  }

  /// Passes on the last part.
  void flush() {
    if (keeps()) sink_(piece_.part(begin_, end_));
    pending_ = false;
  }

  /// Whether the part that is being put together begins at or behind `place`.
  bool has_reached(std::size_t place) const { return keeps() && begin_ >= place; }
  /// Where it begins.
  std::size_t begin() const { return begin_; }

 private:
  bool keeps() const { return pending_ && begin_ < end_ && !(behavior_ == SplitBehavior::removed && last_was_match_); }

  bool joins_pending(bool is_match) const {
    if (!pending_) return false;
    switch (behavior_) {
      case SplitBehavior::removed:
      case SplitBehavior::isolated: return false;
      case SplitBehavior::merged_with_previous: return is_match && !last_was_match_;
      case SplitBehavior::merged_with_next: return !is_match && last_was_match_;
      case SplitBehavior::contiguous: return is_match == last_was_match_;
    }
    return false;
  }

  Piece piece_;
  SplitBehavior behavior_;
  PieceSink sink_;
  std::size_t begin_ = 0, end_ = 0;
  bool pending_ = false;
  bool last_was_match_ = false;
};

}  // namespace ablate
