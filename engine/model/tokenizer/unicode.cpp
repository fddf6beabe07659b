#include "model/tokenizer/unicode.h"

#include "base/error.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>
#include <vector>

namespace ablate {

namespace {

const utf8proc_uint8_t* bytes_of_text(std::string_view text) { return reinterpret_cast<const utf8proc_uint8_t*>(text.data()); }

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

/// Marks, and characters with a decomposition, that came between Unicode 9 and 15. The `tokenizers` library normalizes by Unicode 9, where
/// they are
/// like letters that nothing goes together with.
constexpr std::pair<char32_t, char32_t> newer_marks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xAFA, 0xAFF},     {0xB55, 0xB55},
    {0xC04, 0xC04},     {0xC3C, 0xC3C},     {0xCF3, 0xCF3},     {0xD00, 0xD00},     {0xD3B, 0xD3C},     {0xD81, 0xD81},
    {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x1715, 0x1715},   {0x180F, 0x180F},   {0x1ABF, 0x1ACE},   {0x1CF7, 0x1CF7},
    {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xA8FF, 0xA8FF},   {0xAB69, 0xAB69},
    {0x10781, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x11073, 0x11074}, {0x110C2, 0x110C2}, {0x11145, 0x11146},
    {0x111C9, 0x111C9}, {0x111CE, 0x111CF}, {0x11241, 0x11241}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x1182C, 0x1183A},
    {0x11930, 0x11935}, {0x11937, 0x11938}, {0x1193B, 0x1193E}, {0x11940, 0x11940}, {0x11942, 0x11943}, {0x119D1, 0x119D7},
    {0x119DA, 0x119E0}, {0x119E4, 0x119E4}, {0x11A01, 0x11A0A}, {0x11A33, 0x11A39}, {0x11A3B, 0x11A3E}, {0x11A47, 0x11A47},
    {0x11A51, 0x11A5B}, {0x11A8A, 0x11A99}, {0x11D31, 0x11D36}, {0x11D3A, 0x11D3A}, {0x11D3C, 0x11D3D}, {0x11D3F, 0x11D45},
    {0x11D47, 0x11D47}, {0x11D8A, 0x11D8E}, {0x11D90, 0x11D91}, {0x11D93, 0x11D97}, {0x11EF3, 0x11EF6}, {0x11F00, 0x11F01},
    {0x11F03, 0x11F03}, {0x11F34, 0x11F3A}, {0x11F3E, 0x11F42}, {0x13440, 0x13440}, {0x13447, 0x13455}, {0x16F4F, 0x16F4F},
    {0x16F7F, 0x16F87}, {0x16FE4, 0x16FE4}, {0x16FF0, 0x16FF1}, {0x1CF00, 0x1CF2D}, {0x1CF30, 0x1CF46}, {0x1E030, 0x1E06D},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C},
    {0x1FBF0, 0x1FBF9},
};

bool is_newer_mark(char32_t c) {
  const auto after =
      std::upper_bound(std::begin(newer_marks), std::end(newer_marks), c, [](char32_t a, const auto& range) { return a < range.first; });
  return after != std::begin(newer_marks) && c <= std::prev(after)->second;
}

/// Marks that follow a letter go by their combining class, those of one class as they came (The Unicode Standard, D109).
void order_marks(std::vector<utf8proc_int32_t>& characters) {
  const auto order = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  const auto is_mark_to_order = [&](utf8proc_int32_t c) { return order(c) != 0; };
  for (auto begin = characters.begin(); begin != characters.end();) {
    begin = std::find_if(begin, characters.end(), is_mark_to_order);
    const auto end = std::find_if_not(begin, characters.end(), is_mark_to_order);
    if (end - begin > 1) std::stable_sort(begin, end, [&](utf8proc_int32_t a, utf8proc_int32_t b) { return order(a) < order(b); });
    begin = end;
  }
}

/// Appends the normal form of text that no letter of the text around it goes together with. Not by utf8proc_map, which takes n * n steps to
/// order n marks.
void append_normal_form(std::string& normal, std::string_view text, int options) {
  const auto flags = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options);
  std::vector<utf8proc_int32_t> characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<utf8proc_int32_t>(next_code_point(text, at));
    utf8proc_int32_t parts[32];  // the longest decomposition has 18
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(c, parts, std::ssize(parts), flags, &boundary);
    require(count >= 0 && count <= std::ssize(parts), "Unicode normalization: {}", utf8proc_errmsg(count));
    characters.insert(characters.end(), parts, parts + count);
  }
  order_marks(characters);
  const utf8proc_ssize_t count = utf8proc_normalize_utf32(characters.data(), std::ssize(characters), flags);
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(normal, static_cast<char32_t>(characters[static_cast<std::size_t>(i)]));
}

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// Characters that the normal form does not know stay, and separate what is around them.
void append_parts(std::string& normal, std::string_view text, int options) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t here = at;
    if (!is_newer_mark(next_code_point(text, at))) continue;
    append_normal_form(normal, text.substr(begin, here - begin), options);
    normal += text.substr(here, at - here);
    begin = at;
  }
  append_normal_form(normal, text.substr(begin), options);
}

/// ASCII stays as it is, but for the last character before others, which may go together with them.
std::string normalized(std::string_view text, int options) {
  std::string normal;
  normal.reserve(text.size());
  for (auto at = text.begin(); at != text.end();) {
    auto other = std::find_if_not(at, text.end(), is_ascii);
    if (other != text.end() && other != at) --other;
    normal.append(at, other);
    if (other == text.end()) break;
    at = std::find_if(std::find_if_not(other, text.end(), is_ascii), text.end(), is_ascii);
    append_parts(normal, std::string_view(other, at), options);
  }
  return normal;
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

std::size_t character_begin(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

std::size_t character_end(std::string_view text, std::size_t at) {
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
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

bool is_punctuation(char32_t code_point) {
  if (code_point < 0x80)
    return code_point > ' ' && code_point < 0x7F && !(code_point >= '0' && code_point <= '9') &&
           !((code_point | 0x20) >= 'a' && (code_point | 0x20) <= 'z');
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_mark(char32_t code_point) {
  if (code_point < 0x80 || is_newer_mark(code_point)) return false;
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

bool is_nonspacing_mark(char32_t code_point) {
  return code_point >= 0x80 && utf8proc_category(static_cast<utf8proc_int32_t>(code_point)) == UTF8PROC_CATEGORY_MN;
}

bool is_other(char32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return category >= UTF8PROC_CATEGORY_CC;
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
  switch (form) {
    case NormalForm::nfc: return normalized(text, UTF8PROC_COMPOSE);
    case NormalForm::nfd: return normalized(text, UTF8PROC_DECOMPOSE);
    case NormalForm::nfkc: return normalized(text, UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case NormalForm::nfkd: return normalized(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
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
