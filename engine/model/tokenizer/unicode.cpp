#include "model/tokenizer/unicode.h"

#include "base/error.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace ablate {

namespace {

const utf8proc_uint8_t* bytes_of_text(std::string_view text) { return reinterpret_cast<const utf8proc_uint8_t*>(text.data()); }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Bytes of the well-formed character at `at`, or minus the bytes of the maximal ill-formed part there.
int character_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return -1;
  const int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned greatest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < least || byte(1) > greatest) return -1;
  for (int i = 2; i < length; ++i) {
    if (byte(static_cast<std::size_t>(i)) < 0x80 || byte(static_cast<std::size_t>(i)) > 0xBF) return -i;
  }
  return length;
}

std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t length = utf8proc_map(bytes_of_text(text), static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(raw, &std::free);
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0) bad_input("Unicode normalization: {}", utf8proc_errmsg(length));
  return {reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length)};
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) {
    ++at;
    return first;
  }
  utf8proc_int32_t code_point = 0;
  at += static_cast<std::size_t>(std::max<utf8proc_ssize_t>(
      1, utf8proc_iterate(bytes_of_text(text) + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code_point)));
  return static_cast<char32_t>(code_point);
}

void append_utf8(std::string& text, char32_t code_point) {
  utf8proc_uint8_t buffer[4];
  const utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), buffer);
  text.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(length));
}

bool is_whitespace(char32_t code_point) {
  if (code_point < 0x80) return code_point == ' ' || (code_point >= 9 && code_point <= 13);
  if (code_point == 0x85) return true;
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

bool is_numeric(char32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

std::string lowercase(std::string_view text) {
  constexpr char32_t capital_i_with_dot = 0x130;  // the only character whose lower case is two characters
  std::string lower;
  lower.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == capital_i_with_dot) {
      lower += "i\u0307";
    } else {
      append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return lower;
}

std::string normal_form(std::string_view text, NormalForm form) {
  if (is_ascii(text)) return std::string(text);
  switch (form) {
    case NormalForm::nfc: return mapped(text, UTF8PROC_COMPOSE);
    case NormalForm::nfd: return mapped(text, UTF8PROC_DECOMPOSE);
    case NormalForm::nfkc: return mapped(text, UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case NormalForm::nfkd: return mapped(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  }
  return std::string(text);
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const int length = character_length(text, at);
    if (length < 0) return false;
    at += static_cast<std::size_t>(length);
  }
  return true;
}

IllFormed find_ill_formed(std::string_view text) {
  IllFormed found;
  for (std::size_t at = 0; at < text.size();) {
    const int length = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : character_length(text, at);
    if (length < 0 && found.count++ == 0) found.first = at;
    at += static_cast<std::size_t>(std::abs(length));
  }
  return found;
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const int length = character_length(text, at);
    if (length > 0) {
      repaired.append(text.substr(at, static_cast<std::size_t>(length)));
    } else {
      repaired += "\uFFFD";
    }
    at += static_cast<std::size_t>(std::abs(length));
  }
  return repaired;
}

std::string one_line(std::string_view text) {
  std::string line = repair_utf8(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace ablate
