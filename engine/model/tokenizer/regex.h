// Regular expressions over UTF-8, by PCRE2 with its just-in-time compiler.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace ablate {

enum class RegexSyntax {
  literal,    // the pattern is a plain string
  oniguruma,  // as in a tokenizer.json: what differs from PCRE2 is translated (see pattern_dialect.h)
  pcre2,      // as PCRE2 reads it
};

/// Immutable and cheap to copy.
class Regex {
 public:
  /// `where` names the pattern in messages. Throws InputError for a pattern that cannot be compiled.
  Regex(std::string_view pattern, RegexSyntax syntax, std::string where);

  /// Goes through the matches from left to right as Oniguruma's find_iter does: they do not overlap, and an empty match right behind the
  /// previous match is skipped. The text must be valid UTF-8 and outlive the scan.
  class Scan {
   public:
    Scan(const Regex& regex, std::string_view text);
    ~Scan();
    Scan(const Scan&) = delete;
    Scan& operator=(const Scan&) = delete;

    /// Moves to the next match. Throws InputError naming the pattern when PCRE2 runs into its limits (steps, memory).
    bool next();
    std::size_t begin() const { return begin_; }
    std::size_t end() const { return end_; }

   private:
    bool search(std::size_t from);

    const Regex& regex_;
    std::string_view text_;
    struct State;
    std::unique_ptr<State> state_;
    std::size_t from_ = 0;
    std::size_t begin_ = 0, end_ = 0;
    bool matched_ = false;
  };

  /// Whether the pattern matches somewhere in `text` (valid UTF-8).
  bool matches(std::string_view text) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

}  // namespace ablate
