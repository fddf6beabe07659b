// Which keys an action takes, and what is said of the others.
#include "base/error.h"
#include "edited_models.h"
#include "probe/interventions.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("keys that an action cannot use are bad input") {
  const auto message = [](const std::string& text) {
    Settings settings(parse_toml(text, "x.toml"));
    std::string what;
    try {
      const TransformerConfig config = config_of(subjects[0].model);
      check_interventions({InterventionSettings::from(settings)}, config, tokens);
    } catch (const InputError& error) {
      what = error.what();
    }
    return what;
  };
  const std::string block = "at = \"block.1\"\n", norm = "at = \"attn_norm\"\ndo = \"norm\"\n",
                    probs = "at = \"attn.probs\"\ndo = \"mask_key\"\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {block + "do = \"zero\"\nvalue = 1", "value"},
      {block + "do = \"zero\"\nstatistics = \"m\"", "statistics"},
      {block + "do = \"zero\"\nheads = \"spike\"", "heads"},
      {block + "do = \"zero\"\nchannels = \"largest\"", "channels"},
      {block + "do = \"zero\"\nchannels = [1, 1]", "channels"},
      {block + "do = \"zero\"\nchannels = 12", "channels"},
      {block + "do = \"zero\"\ntokens = [6]", "tokens"},
      {block + "do = \"mean\"\nvalue = 1", "value"},
      {block + "do = \"scale\"", "value"},
      {block + "do = \"scale\"\nvalue = \"layernorm\"", "value"},
      {block + "do = \"scale\"\nvalue = [1, 2]", "value"},
      {block + "do = \"scale\"\nvalue = nan", "value"},
      {block + "do = \"scale\"\nvalue = 2\nstatistics = \"m\"", "statistics"},
      {block + "do = \"clamp\"\nvalue = -1", "value"},
      {block + "do = \"set\"\nvalue = 1\nstatistics = \"m\"", "statistics"},
      {block + "do = \"set\"\nvalue = [1, 2]", "value"},
      {block + "do = \"set\"\nvalue = [1, 2]\nchannels = [1, 2, 3]", "value"},
      {block + "do = \"set\"\nstatistics = \"nowhere/means.safetensors\"", "nowhere"},
      {block + "do = \"project_out\"\nvalue = 1", "value"},
      {block + "do = \"project_out\"\nvalue = 0\nchannels = [1]", "value"},
      {block + "do = \"skip\"\nvalue = 1", "value"},
      {norm, "value"},
      {norm + "value = 3", "value"},
      {norm + "value = \"nonesuch\"", "value"},
      {norm + "value = \"dyt\"\ntokens = [0]", "tokens"},
      {probs + "tokens = 5", "tokens"},
      {probs + "tokens = 0\nvalue = 1", "value"},
      {probs + "tokens = 0\nheads = [4]", "heads"},
      {"at = \"step_up\"\ndo = \"mask_key\"\ntokens = 0", "at"},
      {"at = \"step_up\"\ndo = \"zero\"\nheads = [0]", "heads"},
      {"at = [\"block.1\", \"logits\"]\ndo = \"skip\"", "at"},
      {"at = \"block.9\"\ndo = \"zero\"", "at"}};
  for (const auto& [text, key] : cases) {
    CAPTURE(text);
    const std::string what = message(text);
    CHECK_MESSAGE(what.find(key) != std::string::npos, what);
  }
  CHECK(message(block + "do = \"zero\"") == "");
}
