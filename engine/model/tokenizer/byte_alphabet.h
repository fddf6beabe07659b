// GPT-2's alphabet (Radford et al. 2019, encoder.py): every byte has a printable character that stands for it in the vocabulary.
#pragma once

#include <string>
#include <string_view>

namespace ablate {

/// Appends the characters that stand for the bytes of `text`.
void append_byte_characters(std::string& spelled, std::string_view text);

/// The bytes that the characters of `token` stand for, or `token` itself when one of them stands for none.
std::string bytes_of(std::string_view token);

}  // namespace ablate
