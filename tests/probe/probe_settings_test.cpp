#include "probe/probe_settings.h"

#include "base/error.h"
#include "experiment/toml.h"
#include "probe/intervention_settings.h"

#include <doctest/doctest.h>

using namespace ablate;

static std::vector<InterventionSettings> interventions(const std::string& text) {
  Settings settings(parse_toml(text, "f.toml"));
  std::vector<InterventionSettings> all = InterventionSettings::all(settings);
  settings.reject_unused();
  return all;
}

TEST_CASE("[probe]: the definitions of the field are the defaults") {
  Settings settings(parse_toml("dump = [\"logits\", \"residual.*\"]\nevery = 100\n", "f.toml"), "probe");
  const ProbeSettings probe = ProbeSettings::from(settings);
  CHECK(probe.dump == std::vector<std::string>{"logits", "residual.*"});
  CHECK(probe.every == 100);
  CHECK(probe.sink_epsilon == 0.3);
  CHECK(probe.sink_length == 64);
  CHECK(probe.sink_sequences == 100);
  CHECK_NOTHROW(settings.reject_unused());
}

TEST_CASE("[[intervention]]: places, selections and values") {
  const auto all = interventions(R"(
[[intervention]]
at = "block.62"
do = "zero"
[[intervention]]
at = ["block.3", "residual.*"]
do = "set"
channels = [7, 11]
tokens = 0
value = [1.5, -2]
[[intervention]]
at = "step_up"
do = "scale"
channels = "spike"
value = 0.5
[[intervention]]
at = "layer.3.attn.probs"
do = "mask_key"
tokens = [0]
heads = [1, 2]
[[intervention]]
at = "layer.*.attn_norm"
do = "norm"
value = "dyt"
)");
  REQUIRE(all.size() == 5);
  CHECK(all[0].action == "zero");
  CHECK(all[0].channels.all);
  CHECK(all[0].where("at") == "f.toml:3: intervention.at");
  CHECK(all[1].at.size() == 2);
  CHECK(all[1].tokens.list == std::vector<int>{0});
  CHECK(all[1].value == std::vector<double>{1.5, -2});
  CHECK(all[2].channels.found == "spike");
  CHECK(all[3].heads.list == std::vector<int>{1, 2});
  CHECK(all[4].name == "dyt");
}

TEST_CASE("[[intervention]]: what cannot be is refused with its place") {
  const auto fails = [](const std::string& text, const char* message) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(interventions("[[intervention]]\n" + text), doctest::Contains(message), InputError);
  };
  fails("at = \"block.1\"", "f.toml:1: intervention.do: this key is needed and missing");
  fails("do = \"zero\"", "f.toml:1: intervention.at: this key is needed and missing");
  fails("at = \"block.1\"\ndo = \"explode\"", "f.toml:3: intervention.do: expected one of zero, scale");
  fails("at = \"block.1\"\ndo = \"scale\"", "intervention.value: do = \"scale\" needs one number");
  fails("at = \"block.1\"\ndo = \"zero\"\nvalue = 1", "f.toml:4: intervention.value: do = \"zero\" takes no value");
  fails("at = \"block.1\"\ndo = \"set\"\nchannels = [1, 2]\nvalue = [1, 2, 3]", "3 values for 2 channels");
  fails("at = \"block.1\"\ndo = \"zero\"\nchannels = [-1]", "expected indices from 0 up, found -1");
  fails("at = \"block.1\"\ndo = \"zero\"\nchannels = \"loud\"", "or \"all\", \"spike\", found \"loud\"");
  fails("at = \"a\"\ndo = \"mask_key\"", "needs the keys to mask");
  fails("at = \"block.1\"\ndo = \"zero\"\nchanels = [1]", "f.toml:4: intervention.chanels: unknown key; did you mean channels?");
}
