#include "model/tokenizer/code_ranges.h"

#include "base/error.h"

#include <oniguruma.h>

namespace ablate {

std::vector<std::pair<char32_t, char32_t>> code_ranges(std::string_view property) {
  const OnigEncoding utf8 = ONIG_ENCODING_UTF8;
  auto* name = const_cast<OnigUChar*>(reinterpret_cast<const OnigUChar*>(property.data()));
  const int type = utf8->property_name_to_ctype(utf8, name, name + property.size());
  require(type >= 0, "Oniguruma does not know the Unicode property {}", property);
  OnigCodePoint single_bytes = 0;
  const OnigCodePoint* table = nullptr;
  const int error = utf8->get_ctype_code_range(static_cast<OnigCtype>(type), &single_bytes, &table);
  require(error == ONIG_NORMAL && table, "Oniguruma has no table of the Unicode property {}", property);
  std::vector<std::pair<char32_t, char32_t>> ranges;
  for (OnigCodePoint i = 0; i < table[0]; ++i) ranges.emplace_back(table[1 + 2 * i], table[2 + 2 * i]);
  return ranges;
}

}  // namespace ablate
