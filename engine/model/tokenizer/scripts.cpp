#include "model/tokenizer/scripts.h"

#include "model/tokenizer/code_ranges.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace ablate {

namespace {

constexpr std::string_view names[] = {
    "Adlam",
    "Ahom",
    "AnatolianHieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "BassaVah",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "CanadianAboriginal",
    "Carian",
    "CaucasianAlbanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Duployan",
    "EgyptianHieroglyphs",
    "Elbasan",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "ImperialAramaic",
    "Inherited",
    "InscriptionalPahlavi",
    "InscriptionalParthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "KayahLi",
    "Kharoshthi",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "LinearA",
    "LinearB",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "MeeteiMayek",
    "MendeKikakui",
    "MeroiticCursive",
    "MeroiticHieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "NewTaiLue",
    "Newa",
    "Nko",
    "Ogham",
    "OlChiki",
    "OldHungarian",
    "OldItalic",
    "OldNorthArabian",
    "OldPermic",
    "OldPersian",
    "OldSouthArabian",
    "OldTurkic",
    "Oriya",
    "Osage",
    "Osmanya",
    "PahawhHmong",
    "Palmyrene",
    "PauCinHau",
    "PhagsPa",
    "Phoenician",
    "PsalterPahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "SignWriting",
    "Sinhala",
    "SoraSompeng",
    "Sundanese",
    "SylotiNagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "TaiLe",
    "TaiTham",
    "TaiViet",
    "Takri",
    "Tamil",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Ugaritic",
    "Vai",
    "WarangCiti",
    "Yi",
};

/// Came after Unicode 9.
constexpr std::pair<char32_t, char32_t> newer[] = {
    {0x560, 0x560},     {0x588, 0x588},     {0x5EF, 0x5EF},     {0x61D, 0x61D},     {0x7FD, 0x7FF},     {0x860, 0x86A},
    {0x870, 0x88E},     {0x890, 0x891},     {0x898, 0x89F},     {0x8B5, 0x8B5},     {0x8BE, 0x8D3},     {0x9FC, 0x9FE},
    {0xA76, 0xA76},     {0xAFA, 0xAFF},     {0xB55, 0xB55},     {0xC04, 0xC04},     {0xC3C, 0xC3C},     {0xC5D, 0xC5D},
    {0xC77, 0xC77},     {0xC84, 0xC84},     {0xCDD, 0xCDD},     {0xD00, 0xD00},     {0xD04, 0xD04},     {0xD3B, 0xD3C},
    {0xD81, 0xD81},     {0xE86, 0xE86},     {0xE89, 0xE89},     {0xE8C, 0xE8C},     {0xE8E, 0xE93},     {0xE98, 0xE98},
    {0xEA0, 0xEA0},     {0xEA8, 0xEA9},     {0xEAC, 0xEAC},     {0xEBA, 0xEBA},     {0x170D, 0x170D},   {0x1715, 0x1715},
    {0x171F, 0x171F},   {0x180F, 0x180F},   {0x1878, 0x1878},   {0x1ABF, 0x1ACE},   {0x1B4C, 0x1B4C},   {0x1B7D, 0x1B7E},
    {0x1C90, 0x1CBA},   {0x1CBD, 0x1CBF},   {0x1CF7, 0x1CF7},   {0x1CFA, 0x1CFA},   {0x1DF6, 0x1DFA},   {0x20BF, 0x20C0},
    {0x23FF, 0x23FF},   {0x2B97, 0x2B97},   {0x2BBA, 0x2BBC},   {0x2BC9, 0x2BC9},   {0x2BD2, 0x2BEB},   {0x2BF0, 0x2BFF},
    {0x2C2F, 0x2C2F},   {0x2C5F, 0x2C5F},   {0x2E45, 0x2E5D},   {0x312E, 0x312F},   {0x31BB, 0x31BF},   {0x32FF, 0x32FF},
    {0x4DB6, 0x4DBF},   {0x9FD6, 0x9FFF},   {0xA7AF, 0xA7AF},   {0xA7B8, 0xA7CA},   {0xA7D0, 0xA7D1},   {0xA7D3, 0xA7D3},
    {0xA7D5, 0xA7D9},   {0xA7F2, 0xA7F6},   {0xA82C, 0xA82C},   {0xA8FE, 0xA8FF},   {0xAB66, 0xAB6B},   {0xFBC2, 0xFBC2},
    {0xFD40, 0xFD4F},   {0xFDCF, 0xFDCF},   {0xFDFE, 0xFDFF},   {0x1019C, 0x1019C}, {0x1032D, 0x1032F}, {0x10780, 0x10785},
    {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x10A34, 0x10A35}, {0x10A48, 0x10A48}, {0x11070, 0x11075}, {0x110C2, 0x110C2},
    {0x110CD, 0x110CD}, {0x11144, 0x11147}, {0x111CE, 0x111CF}, {0x1133B, 0x1133B}, {0x1145A, 0x1145A}, {0x1145E, 0x11461},
    {0x116B8, 0x116B9}, {0x1171A, 0x1171A}, {0x11740, 0x11746}, {0x11AB0, 0x11ABF}, {0x11FB0, 0x11FB0}, {0x11FC0, 0x11FF1},
    {0x11FFF, 0x11FFF}, {0x13430, 0x13438}, {0x16F45, 0x16F4A}, {0x16F4F, 0x16F4F}, {0x16F7F, 0x16F87}, {0x16FE2, 0x16FE3},
    {0x16FF0, 0x16FF1}, {0x187ED, 0x187F7}, {0x18AF3, 0x18AFF}, {0x18D00, 0x18D08}, {0x1AFF0, 0x1AFF3}, {0x1AFF5, 0x1AFFB},
    {0x1AFFD, 0x1AFFE}, {0x1B002, 0x1B122}, {0x1B150, 0x1B152}, {0x1B164, 0x1B167}, {0x1CF00, 0x1CF2D}, {0x1CF30, 0x1CF46},
    {0x1CF50, 0x1CFC3}, {0x1D1E9, 0x1D1EA}, {0x1D2E0, 0x1D2F3}, {0x1D372, 0x1D378}, {0x1DF00, 0x1DF1E}, {0x1E7E0, 0x1E7E6},
    {0x1E7E8, 0x1E7EB}, {0x1E7ED, 0x1E7EE}, {0x1E7F0, 0x1E7FE}, {0x1E94B, 0x1E94B}, {0x1EC71, 0x1ECB4}, {0x1ED01, 0x1ED3D},
    {0x1F10D, 0x1F10F}, {0x1F12F, 0x1F12F}, {0x1F16C, 0x1F16F}, {0x1F1AD, 0x1F1AD}, {0x1F260, 0x1F265}, {0x1F6D3, 0x1F6D7},
    {0x1F6DD, 0x1F6DF}, {0x1F6F7, 0x1F6FC}, {0x1F7D5, 0x1F7D8}, {0x1F7E0, 0x1F7EB}, {0x1F7F0, 0x1F7F0}, {0x1F8B0, 0x1F8B1},
    {0x1F900, 0x1F90F}, {0x1F91F, 0x1F91F}, {0x1F928, 0x1F92F}, {0x1F931, 0x1F932}, {0x1F93F, 0x1F93F}, {0x1F94C, 0x1F94F},
    {0x1F95F, 0x1F97F}, {0x1F992, 0x1F9BF}, {0x1F9C1, 0x1FA53}, {0x1FA60, 0x1FA6D}, {0x1FA70, 0x1FA74}, {0x1FA78, 0x1FA7C},
    {0x1FA80, 0x1FA86}, {0x1FA90, 0x1FAAC}, {0x1FAB0, 0x1FABA}, {0x1FAC0, 0x1FAC5}, {0x1FAD0, 0x1FAD9}, {0x1FAE0, 0x1FAE7},
    {0x1FAF0, 0x1FAF6}, {0x1FB00, 0x1FB92}, {0x1FB94, 0x1FBCA}, {0x1FBF0, 0x1FBF9}, {0x2A6D7, 0x2A6DF}, {0x2B735, 0x2B738},
    {0x2CEB0, 0x2EBE0}, {0x30000, 0x3134A},
};

/// Had another script in Unicode 9.
struct Former {
  char32_t first, last;
  std::string_view script;
};
constexpr Former former[] = {{0x589, 0x589, "Common"}, {0x61C, 0x61C, "Common"}, {0x951, 0x952, "Devanagari"}};

}  // namespace

Scripts::Scripts() {
  const auto number = [](std::string_view name) {
    if (name == "Hiragana" || name == "Katakana") name = "Han";
    return 1 + static_cast<int>(std::find(std::begin(names), std::end(names), name) - std::begin(names));
  };
  for (const std::string_view name : names) {
    for (const auto& [first, last] : code_ranges(name)) ranges_.push_back({first, last, number(name)});
  }
  for (const auto& [first, last] : newer) overrides_.push_back({first, last, any});
  for (const auto& [first, last, script] : former) overrides_.push_back({first, last, number(script)});
  const auto before = [](const Range& a, const Range& b) { return a.first < b.first; };
  std::sort(ranges_.begin(), ranges_.end(), before);
  std::sort(overrides_.begin(), overrides_.end(), before);
}

const Scripts::Range* Scripts::find(const std::vector<Range>& ranges, char32_t character) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), character, [](char32_t c, const Range& range) { return c < range.first; });
  return after == ranges.begin() || std::prev(after)->last < character ? nullptr : &*std::prev(after);
}

int Scripts::of(char32_t character) const {
  constexpr char32_t prolonged_sound_mark = 0x30FC, han = 0x4E00;
  if (character == ' ') return any;
  if (character == prolonged_sound_mark) character = han;
  if (const Range* range = find(overrides_, character)) return range->script;
  const Range* range = find(ranges_, character);
  return range ? range->script : any;
}

}  // namespace ablate
