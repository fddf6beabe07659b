// Regular expressions over UTF-8, by Oniguruma, in whose words the patterns of a tokenizer.json are written.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ablate {

enum class RegexSyntax {
  literal,    // the pattern is a plain string
  oniguruma,  // Oniguruma's own, which follows Ruby (its doc/RE)
};

/// Immutable and cheap to copy; safe to use from several threads at once. Letters, numbers and scripts are those of the version of Unicode
/// that
/// the installed Oniguruma knows (6.9.8: Unicode 14; the `tokenizers` library brings 6.9.10: Unicode 16). What else 6.9.8 reads
/// differently is
/// rewritten: [:punct:] has the symbols too.
class Regex {
 public:
  /// `where` names the pattern in messages. Throws InputError for a pattern that cannot be compiled.
  Regex(std::string_view pattern, RegexSyntax syntax, std::string where);

  /// Whether the matches behind a place do not depend on where the search for them began: not with \G and \K.
  bool resumes() const;

  /// The string that is looked for, where the pattern is a plain one.
  const std::string* literal() const;

  /// Goes through the matches from left to right as Oniguruma's find_iter does: they do not overlap, and an empty match right behind the
  /// previous match is skipped. The text must be valid UTF-8 and outlive the scan. Of a text over 2 GiB a match sees the GiB before it and
  /// the
  /// GiB behind it.
  class Scan {
   public:
    /// From `from` on, which is 0 or where a match ended.
    Scan(const Regex& regex, std::string_view text, std::size_t from = 0);
    ~Scan();
    Scan(const Scan&) = delete;
    Scan& operator=(const Scan&) = delete;

    /// Moves to the next match. Throws InputError naming the pattern when Oniguruma runs into its limits (steps, memory).
    bool next();
    std::size_t begin() const { return begin_; }
    std::size_t end() const { return end_; }

   private:
    bool search(std::size_t from);

    const Regex& regex_;
    std::string_view text_;
    struct State;
    std::unique_ptr<State> state_;
    std::size_t from_;
    std::size_t begin_ = 0, end_;
    bool matched_;
  };

  /// Whether the pattern matches somewhere in `text` (valid UTF-8).
  bool matches(std::string_view text) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

}  // namespace ablate
