// The few questions about Unicode text that a tokenizer asks; the answers come from utf8proc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ablate {

/// The code point at byte `at` of valid UTF-8; moves `at` behind it.
char32_t next_code_point(std::string_view text, std::size_t& at);

/// Where the character begins that the byte at `at` belongs to.
std::size_t character_begin(std::string_view text, std::size_t at);
/// `at` if a character begins there or the text ends, else where the next one begins.
std::size_t character_end(std::string_view text, std::size_t at);

void append_utf8(std::string& text, char32_t code_point);

/// The property White_Space (Rust's char::is_whitespace, \s of its regex crate).
bool is_whitespace(char32_t code_point);

/// General category Nd, Nl or No (Rust's char::is_numeric).
bool is_numeric(char32_t code_point);

/// ASCII punctuation and symbols, and general categories Pc, Pd, Pe, Pf, Pi, Po, Ps.
bool is_punctuation(char32_t code_point);

/// General category Mn, Mc or Me (of Unicode 9, as for normal forms); Mn alone.
bool is_mark(char32_t code_point);
bool is_nonspacing_mark(char32_t code_point);

/// General category Cc, Cf, Co or Cs.
bool is_other(char32_t code_point);

/// Lower case of every character by itself, without the context rule for the final sigma (Rust's char::to_lowercase).
std::string lowercase(std::string_view text);

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// Unicode Standard Annex 15, of valid UTF-8, with the characters of Unicode 9 as in the `tokenizers` library: newer ones stay as they
/// are. Takes n log n steps for a run of n marks.
std::string normal_form(std::string_view text, NormalForm form);

/// `text` with U+FFFD for every maximal ill-formed part (The Unicode Standard, section 3.9, table 3-8): Python's errors="replace", Rust's
/// from_utf8_lossy. Control characters and NUL are well-formed and stay.
std::string repair_utf8(std::string_view text);
bool is_valid_utf8(std::string_view text);

/// The maximal ill-formed parts of `text`: how many repair_utf8 replaces, and the byte at which the first begins.
struct IllFormed {
  std::size_t count = 0, first = 0;
};
IllFormed find_ill_formed(std::string_view text);

/// For messages: line breaks and other control characters become spaces.
std::string one_line(std::string_view text);

}  // namespace ablate
