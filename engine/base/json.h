// JSON of files that someone else wrote: one way of reading them, one form of message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Throws InputError for a text that is no JSON: what else it is (a Git LFS pointer, a web page), or "config.json:3:14: not JSON: ..." with
/// the line and column of the first mistake, where `text` begins on line `first_line`.
[[noreturn]] void refuse_json(std::string_view text, std::string_view where, std::size_t first_line = 1);

/// `Json` is nlohmann::json or ordered_json; `where` names the file.
template <class Json>
Json parse_json(std::string_view text, std::string_view where) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || text.find('\0') != text.npos) refuse_json(text, where);  // the parser takes a zero byte for the end
  return json;
}

/// The lines on which the keys of a JSON text stand, in the order written. Throws InputError for a key that an object has twice: readers
/// keep one of the two without a word.
std::vector<int> lines_of_keys(std::string_view json, std::string_view where);

/// As fmt writes `text`, cut to what a line of a message holds.
std::string shortened(std::string_view text);

}  // namespace ablate
