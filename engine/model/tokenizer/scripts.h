// The scripts of characters (Unicode Standard Annex 24), as the pre-tokenizer UnicodeScripts sees them.
#pragma once

#include <cstddef>
#include <vector>

namespace ablate {

class Scripts {
 public:
  static constexpr int any = 0;

  /// Characters that came after Unicode 9, which the `tokenizers` library knows, have the script `any`, as a space has.
  Scripts();

  /// A number that stands for the script; hiragana, katakana and the prolonged sound mark are Han.
  int of(char32_t character) const;

 private:
  struct Range {
    char32_t first, last;
    int script;
  };
  static const Range* find(const std::vector<Range>& ranges, char32_t character);

  std::vector<Range> ranges_, overrides_;  // in order
};

}  // namespace ablate
