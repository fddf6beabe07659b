// Tokenizers trained and run by the `tokenizers` library; every id and every decoded character must be the same.
#include "base/file.h"
#include "model/tokenizer.h"
#include "support/golden.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace ablate;
using Ids = std::vector<std::int32_t>;

TEST_CASE("tokenizers agree with the tokenizers library") {
  for (const std::string name : {"gpt2", "llama2", "llama3", "qwen2"}) {
    const auto folder = test::golden_folder() / "tokenizers" / name;
    const Tokenizer tokenizer = Tokenizer::load(folder / "tokenizer.json");
    const auto cases = nlohmann::json::parse(read_text(folder / "cases.json"));
    CHECK(cases.size() >= 20);
    for (const auto& expected : cases) {
      const auto text = expected.at("text").get<std::string>();
      CAPTURE(name);
      CAPTURE(text);
      const auto ids = expected.at("ids").get<Ids>();
      CHECK(tokenizer.encode(text) == ids);
      CHECK(tokenizer.encode(text, false) == expected.at("ids_no_special").get<Ids>());
      CHECK(tokenizer.decode(ids) == expected.at("decoded").get<std::string>());
    }
  }
}
