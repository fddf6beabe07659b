// Corners of normalizers, patterns, merges, added tokens and decoders, and the parts that few tokenizers have, answered by the `tokenizers`
// library (0.23). A case's "vocab" and
// "merges" name an entry of "tables"; an id list that is null was not asked for.
#include "base/file.h"
#include "model/tokenizer.h"
#include "support/places.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace ablate;
using nlohmann::json;
using Ids = std::vector<std::int32_t>;

static std::string tokenizer_of(const json& entry, const json& tables) {
  json tokenizer = entry.at("tokenizer");
  for (const char* key : {"vocab", "merges"}) {
    json& value = tokenizer.at("model").at(key);
    value = tables.at(value.get<std::string>());
  }
  return tokenizer.dump();
}

static void check_golden(const char* file) {
  const json golden = json::parse(read_text(test::tests_folder() / "golden/tokenizers" / file));
  const json& texts = golden.at("texts");
  CHECK(golden.at("cases").size() >= 100);
  for (const auto& [key, entry] : golden.at("cases").items()) {
    const std::string& name = key;
    CAPTURE(name);
    const Tokenizer tokenizer = Tokenizer::parse(tokenizer_of(entry, golden.at("tables")), name);
    const json& expected = entry.at("ids");
    REQUIRE(expected.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (expected[i].is_null()) continue;
      CAPTURE(texts[i]);
      CHECK(tokenizer.encode(texts[i].get<std::string>()) == expected[i].get<Ids>());
    }
    for (const json& pair : entry.at("decoded")) {
      CAPTURE(pair[0]);
      CHECK(tokenizer.decode(pair[0].get<Ids>()) == pair[1].get<std::string>());
    }
  }
}

TEST_CASE("corners of tokenizers agree with the tokenizers library") { check_golden("corners.json"); }
TEST_CASE("parts of tokenizers that few have agree with the tokenizers library") { check_golden("parts.json"); }
