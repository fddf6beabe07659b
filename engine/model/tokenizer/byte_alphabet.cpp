#include "model/tokenizer/byte_alphabet.h"

#include "model/tokenizer/unicode.h"

#include <array>
#include <cstdint>

namespace ablate {

namespace {

struct Alphabet {
  std::array<std::int16_t, 0x200> byte;   // by character, -1 where it stands for none
  std::array<std::string, 256> spelling;  // by byte

  Alphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      const char32_t character = printable ? b : next++;
      byte[character] = static_cast<std::int16_t>(b);
      append_utf8(spelling[b], character);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet table;
  return table;
}

}  // namespace

void append_byte_characters(std::string& spelled, std::string_view text) {
  const Alphabet& table = alphabet();
  for (const char c : text) spelled += table.spelling[static_cast<unsigned char>(c)];
}

std::string bytes_of(std::string_view token) {
  const Alphabet& table = alphabet();
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const char32_t c = next_code_point(token, at);
    if (c >= table.byte.size() || table.byte[c] < 0) return std::string(token);
    bytes += static_cast<char>(table.byte[c]);
  }
  return bytes;
}

}  // namespace ablate
