#include "model/tokenizer.h"

#include "base/error.h"
#include "base/file.h"
#include "support/places.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <ctime>

using namespace ablate;
using nlohmann::json;
using Ids = std::vector<std::int32_t>;

static json minimal() {
  return json::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "abab": 3, "?": 7}, "merges": ["a b", "ab ab"]}})");
}

static Tokenizer tokenizer_of(const json& file) { return Tokenizer::parse(file.dump(), "t.json"); }

static std::string refusal_of(const json& file) {
  try {
    tokenizer_of(file).encode("xyz");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("ids are looked up by content, and the size covers the greatest id") {
  json file = minimal();
  const json flags = {{"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", true}};
  json token = flags;
  token.update({{"id", 8}, {"content", "<s>"}});
  file["added_tokens"] = json::array({token});
  const Tokenizer tokenizer = tokenizer_of(file);
  CHECK(tokenizer.id_of("abab") == 3);
  CHECK(tokenizer.id_of("<s>") == 5);  // like in the tokenizers library: the size of the vocabulary, not what the file says
  CHECK_FALSE(tokenizer.id_of("c").has_value());
  CHECK(tokenizer.vocabulary_size() == 8);
  CHECK(tokenizer.encode("ab<s>a") == Ids{2, 5, 0});
  CHECK(tokenizer.decode(Ids{2, 5, 0, 99, -1}) == "ab a");
  CHECK(tokenizer.decode(Ids{2, 5, 0}, false) == "ab <s> a");
}

TEST_CASE("added tokens take the white space beside them") {
  const auto ids_of = [](bool lstrip, bool rstrip, const char* text) {
    json file = minimal();
    file["model"]["vocab"][" "] = 4;
    file["added_tokens"] = {{{"id", 8},
                             {"content", "  "},
                             {"single_word", false},
                             {"lstrip", lstrip},
                             {"rstrip", rstrip},
                             {"normalized", false},
                             {"special", false}}};
    return tokenizer_of(file).encode(text);
  };
  // The ids that the `tokenizers` library gives.
  CHECK(ids_of(false, false, "a     b") == Ids{0, 6, 6, 4, 1});
  CHECK(ids_of(true, false, "a  b") == Ids{0, 6, 1});
  CHECK(ids_of(false, true, "a    b") == Ids{0, 6, 6, 1});  // the second one lies in what the first one took, and counts all the same
  CHECK(ids_of(true, true, "a    b") == Ids{0, 6, 1});      // here nothing is left of it
}

TEST_CASE("what a tokenizer.json asks for and is not supported is refused by its key") {
  const auto with = [](const char* path, const json& value) {
    json file = minimal();
    file[json::json_pointer(path)] = value;
    return refusal_of(file);
  };
  const auto type = [](const char* name) { return json{{"type", name}}; };
  CHECK(with("/model/type", "WordPiece") == "t.json: model.type: \"WordPiece\" is not supported; expected BPE");
  CHECK(with("/normalizer", type("Precompiled")).starts_with("t.json: normalizer.type: \"Precompiled\" is not supported"));
  CHECK(with("/pre_tokenizer", type("Bert")).starts_with("t.json: pre_tokenizer.type: \"Bert\""));
  CHECK(with("/post_processor", type("X")).starts_with("t.json: post_processor.type: \"X\""));
  CHECK(with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {type("Y")}}})
            .starts_with("t.json: pre_tokenizer.pretokenizers[0].type"));
  CHECK(with("/model/dropout", 0.1).starts_with("t.json: model.dropout: "));
  CHECK(with("/model/new_thing", 1).starts_with("t.json: model: the key \"new_thing\" is not supported"));
  CHECK(with("/new_part", 1).starts_with("t.json: the key \"new_part\" is not supported"));
  CHECK(with("/model/vocab/c", -1).starts_with("t.json: model.vocab[\"c\"]: expected an integer"));
  CHECK(with("/model/vocab/c", 1) == "accepted");  // an id that another token has too
  CHECK(with("/model/merges", {"a b c"}).starts_with("t.json: model.merges[0]: expected two tokens"));
  CHECK(with("/model/merges", {"b a"}).starts_with("t.json: model.merges[0]: a token of this merge is not in the vocabulary"));
  CHECK(with("/model/unk_token", "<unk>").starts_with("t.json: model: the text has a character without a token"));
  CHECK(with("/version", "2.0").starts_with("t.json: version: \"2.0\" is not supported"));
  CHECK(with("/version", "1.0") == "accepted");
}

TEST_CASE("a decoder that is not known stops decoding only") {
  json file = minimal();
  file["decoder"] = {{"type", "Sequence"}, {"decoders", {{{"type", "Fuse"}}, {{"type", "Martian"}}}}};
  const Tokenizer tokenizer = tokenizer_of(file);
  CHECK(tokenizer.encode("ab") == Ids{2});
  CHECK_THROWS_WITH_AS(tokenizer.decode(Ids{2}), doctest::Contains("t.json: decoder.decoders[1].type: \"Martian\" is not supported"),
                       InputError);
}

TEST_CASE("a template after a template gets the sequences that the first one made") {
  json file = minimal();
  const auto sequence = [](const char* id) { return json{{"Sequence", {{"id", id}, {"type_id", 0}}}}; };
  const json special = {{"SpecialToken", {{"id", "?"}, {"type_id", 0}}}};
  const json tokens = {{"?", {{"id", "?"}, {"ids", {7}}, {"tokens", {"?"}}}}};
  const auto step = [&](const json& single) {
    return json{
        {"type", "TemplateProcessing"}, {"single", single}, {"pair", {sequence("B"), special, sequence("A")}}, {"special_tokens", tokens}};
  };
  const auto steps = [&](const json& first, const json& second) {
    file["post_processor"] = {{"type", "Sequence"}, {"processors", {step(first), step(second)}}};
    return tokenizer_of(file);
  };
  const Tokenizer pair = steps({special, sequence("A")}, json::array({sequence("A")}));
  CHECK(pair.encode("ab") == Ids{2, 7, 7});  // B, ?, A of ? and ab
  CHECK(pair.encode("ab", false) == Ids{2});
  const Tokenizer three = steps({special, sequence("A"), special}, json::array({sequence("A")}));
  CHECK_THROWS_WITH_AS(three.encode("ab"), doctest::Contains("gets 3 sequences"), InputError);  // the tokenizers library aborts
}

TEST_CASE("a pattern that cannot be compiled, or gives up, is refused by its key") {
  const auto with = [](const char* pattern) {
    json file = minimal();
    file["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
    return refusal_of(file);
  };
  for (const char* pattern : {"(", ")", "[a", "a\\", "[[a]", "*", "\\p{Nothing}", "\\u12", "(?#", "(?<=a+*", "[z-a]"}) {
    CAPTURE(pattern);
    CHECK(with(pattern).starts_with("t.json: pre_tokenizer.pattern.Regex: "));
  }
  json file = minimal();
  file["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(?:a|aa)+$"}}}, {"behavior", "Isolated"}, {"invert", false}};
  const Tokenizer slow = tokenizer_of(file);
  CHECK_THROWS_WITH_AS(slow.encode(std::string(60, 'a') + "b"), doctest::Contains("the pattern gives up on this text"), InputError);
}

// As in Oniguruma 6.9.9 and later: the symbols are [:punct:] too.
TEST_CASE("[:punct:] has symbols, inside whatever class it stands") {
  const auto ids_of = [](const char* pattern, const char* text) {
    json file = minimal();
    file["model"]["vocab"] = {{"a", 0}, {"$", 1}, {"!", 2}, {"a$", 3}, {"$!", 4}, {"$a", 5}};
    file["model"]["merges"] = {"a $", "$ !", "$ a"};
    file["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
    return tokenizer_of(file).encode(text);
  };
  CHECK(ids_of("[[:punct:]]+", "a$!") == Ids{0, 4});
  CHECK(ids_of("[[:^punct:]]+", "a$!") == Ids{0, 4});
  CHECK(ids_of("[[:^punct:]$]+", "a$!") == Ids{3, 2});
  CHECK(ids_of("[][:punct:]]+", "a$!") == Ids{0, 4});
  CHECK(ids_of("[^][:punct:]]+", "a$!") == Ids{0, 4});
  CHECK(ids_of("\\[[:punct:]]+|a", "a$!") == Ids{0, 4});
  CHECK(ids_of("[\\][:punct:]]+", "a$!") == Ids{0, 4});
}

TEST_CASE("decoders: as many characters as asked for are stripped, and what became nothing is no word") {
  json file = minimal();
  file["model"]["vocab"] = {{"   a  ", 0}, {"b", 1}, {"<p>", 2}};
  file["model"]["merges"] = json::array();
  file["decoder"] = {{"type", "Strip"}, {"content", " "}, {"start", 2}, {"stop", 1}};
  CHECK(tokenizer_of(file).decode(Ids{0}) == " a ");
  const json ctc = {{"type", "CTC"}, {"pad_token", "<p>"}, {"word_delimiter_token", "|"}, {"cleanup", false}};
  const json words = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", false}};
  file["decoder"] = {{"type", "Sequence"}, {"decoders", {ctc, words}}};
  CHECK(tokenizer_of(file).decode(Ids{1, 2, 1}) == "b b");
}

TEST_CASE("decoders: a byte token has two digits, whatever looks like one") {
  json file = minimal();
  file["model"]["vocab"] = {{"<0x61>", 0}, {"<0x611>", 1}, {"<0x6>", 2}, {"<0x6g>", 3}};
  file["model"]["merges"] = json::array();
  file["decoder"] = {{"type", "ByteFallback"}};
  CHECK(tokenizer_of(file).decode(Ids{0, 1, 2, 3}) == "a<0x611><0x6><0x6g>");
}

TEST_CASE("BertNormalizer's Chinese characters are those of the tokenizers library") {
  json file = minimal();
  file["model"]["vocab"] = {{"a", 0}, {" ", 1}, {"\U0002B820", 2}, {"\U0002B920", 3}};
  file["model"]["merges"] = json::array();
  file["normalizer"] = {
      {"type", "BertNormalizer"}, {"clean_text", false}, {"handle_chinese_chars", true}, {"strip_accents", false}, {"lowercase", false}};
  CHECK(tokenizer_of(file).encode("a\U0002B820a") == Ids{0, 2, 0});
  CHECK(tokenizer_of(file).encode("a\U0002B920a") == Ids{0, 1, 3, 1, 0});
}

TEST_CASE("of added tokens that are normalized to the same text a special one is found") {
  json file = minimal();
  const auto added = [](const char* content, bool special) {
    return json{{"id", 9},         {"content", content}, {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", true}, {"special", special}};
  };
  file["normalizer"] = {{"type", "Lowercase"}};
  file["added_tokens"] = {added("XY", false), added("xy", true)};
  const Tokenizer tokenizer = tokenizer_of(file);
  CHECK(tokenizer.encode("xy") == Ids{*tokenizer.id_of("xy")});
  CHECK(*tokenizer.id_of("xy") != *tokenizer.id_of("XY"));
}

TEST_CASE("Metaspace without a scheme: add_prefix_space says whether there is one") {
  json file = minimal();
  file["model"]["vocab"] = {{"a", 0}, {"_", 1}};
  file["model"]["merges"] = json::array();
  for (const bool prefix : {false, true}) {
    file["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}, {"add_prefix_space", prefix}};
    CHECK(tokenizer_of(file).encode("a") == (prefix ? Ids{1, 0} : Ids{0}));
  }
  file["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}, {"add_prefix_space", false}, {"prepend_scheme", "always"}};
  CHECK(refusal_of(file) == "t.json: pre_tokenizer.prepend_scheme: contradicts add_prefix_space, which is false");
}

TEST_CASE("ignore_merges: a word that is a token is that token, its parts elsewhere are merged") {
  json file = minimal();
  std::string word;
  for (int i = 0; i < 40; ++i) word += "ab";
  file["model"]["vocab"] = {{"a", 0}, {"b", 1}, {"c", 2}, {"x", 3}, {"ab", 4}, {"bc", 5}, {"abc", 6}, {word, 7}};
  file["model"]["merges"] = {"b c", "a bc"};
  file["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  std::string parts;
  Ids of_parts;
  for (int i = 0; i < 40; ++i) {
    parts += "abx";
    of_parts.insert(of_parts.end(), {0, 1, 3});
  }
  const auto check = [&](bool ignore, const std::string& text, const Ids& expected) {
    file["model"]["ignore_merges"] = ignore;
    const Tokenizer tokenizer = tokenizer_of(file);
    CHECK(tokenizer.encode(text) == expected);
    for (const std::size_t window : {10u, 1000u}) {
      Ids all;
      tokenizer.encode_long(text, {.scratch_folder = {}, .window = window, .threads = 2},
                            [&](std::span<const std::int32_t> ids) { all.insert(all.end(), ids.begin(), ids.end()); });
      CHECK(all == expected);
    }
  };
  check(true, "ab", {4});
  check(false, "ab", {0, 1});
  check(true, word, {7});
  check(true, parts, of_parts);
  Ids after_word = of_parts;
  after_word.insert(after_word.begin(), 4);
  check(true, "ab " + parts, after_word);
}

TEST_CASE("long words whose tokens share an id are merged as short ones are") {
  json file = minimal();
  file["model"]["vocab"] = {{"a", 0}, {"b", 1}, {"ab", 2}, {"c", 3}, {"d", 4}, {"cd", 2}};
  file["model"]["merges"] = {"a b", "c d"};
  std::string ab, cd;
  for (int i = 0; i < 60; ++i) ab += "ab", cd += "cd";
  CHECK(tokenizer_of(file).encode(ab) == Ids(60, 2));
  CHECK(tokenizer_of(file).encode(cd) == Ids(60, 2));
}

TEST_CASE("a file that is no JSON, or nested without end, is refused in one line") {
  CHECK_THROWS_WITH_AS(Tokenizer::parse("{\"model\": ", "t.json"), doctest::Contains("t.json:1:11: not JSON"), InputError);
  CHECK_THROWS_WITH_AS(Tokenizer::parse("[]", "t.json"), doctest::Contains("t.json: expected an object"), InputError);
  json nested = {{"type", "NFC"}};
  for (int i = 0; i < 100; ++i) nested = {{"type", "Sequence"}, {"normalizers", {nested}}};
  json file = minimal();
  file["normalizer"] = nested;
  CHECK(refusal_of(file).ends_with("nested more than 16 deep"));
  const std::string brackets(1 << 20, '[');
  CHECK_THROWS_AS(Tokenizer::parse(brackets, "t.json"), InputError);
}

TEST_CASE("ill-formed UTF-8 is read as by Python's errors=\"replace\"") {
  json file = minimal();
  file["model"]["vocab"]["\uFFFD"] = 4;
  const Tokenizer tokenizer = tokenizer_of(file);
  // b"a\xffb".decode(errors="replace") and so on; 4 stands for U+FFFD
  CHECK(tokenizer.encode("a\xff"
                         "b") == Ids{0, 4, 1});
  CHECK(tokenizer.encode("\xe2\x82"
                         "a") == Ids{4, 0});  // a truncated character is one
  CHECK(tokenizer.encode("\xf0\x9f\x98") == Ids{4});
  CHECK(tokenizer.encode("\xed\xa0\x80") == Ids{4, 4, 4});         // a surrogate
  CHECK(tokenizer.encode("\xc0\xaf") == Ids{4, 4});                // an overlong form
  CHECK(tokenizer.encode("\xf4\x90\x80\x80") == Ids{4, 4, 4, 4});  // above U+10FFFF
  CHECK(tokenizer.encode("\x80\xbf") == Ids{4, 4});
}

TEST_CASE("a character without a token and without an unknown token is left out, and its neighbours meet") {
  CHECK(tokenizer_of(minimal()).encode("axbxxab") == Ids{3});
}

TEST_CASE("a long word takes time in proportion to its length") {
  const std::string folder = test::tests_folder() / "golden/tokenizers/";
  for (const char* name : {"gpt2", "llama2"}) {
    const Tokenizer tokenizer = Tokenizer::load(folder + name + "/tokenizer.json");
    const auto seconds = [&](std::size_t repeats) {
      std::string text;
      for (std::size_t i = 0; i < repeats; ++i) text += "thequickbrownfox";
      const std::clock_t start = std::clock();  // of this process: others may be busy
      CHECK(tokenizer.encode(text).size() > repeats);
      return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    };
    seconds(1000);
    // 16 times the text: about 16 times the time when all is well, 256 times when it grows with the square.
    CHECK(seconds(32000) < 100 * seconds(2000));
  }
}
