// The anatomy statistics against tests/golden/anatomy.json: the same definitions in PyTorch and float64 (tools/anatomy_reference.py).
#include "anatomy.h"
#include "support/golden.h"
#include "support/places.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

using Json = nlohmann::json;
using Numbers = std::vector<double>;

namespace {

// Activations are f32: sums of up to 160 products, each rounded by 2^-24, pass through up to 8 blocks: sqrt(160) * 8 * 6e-8 = 6e-6 of the
// size of a state (1 to 4; statistics of the 900 of `planted` are compared by ratio).
constexpr double tolerance = 1e-5;

bool near(double found, double expected) { return std::abs(found - expected) <= tolerance * std::max(1.0, std::abs(expected)); }

void compare(double found, const Json& expected) {
  if (expected.is_null()) CHECK(std::isnan(found));
  else CHECK_MESSAGE(near(found, expected.get<double>()), found << " is not " << expected.get<double>());
}

void compare(const Numbers& found, const Json& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    compare(found[i], expected[i]);
  }
}

void compare(const std::vector<Numbers>& found, const Json& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) compare(found[i], expected[i]);
}

void compare(const Metrics& metrics, const Json& expected, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    CAPTURE(name);
    const Metric* found = metrics.find(name);
    if (expected.at(name).is_null()) {  // what has no value is absent
      CHECK_FALSE(found);
      continue;
    }
    REQUIRE(found);
    if (const auto* number = std::get_if<double>(found)) compare(*number, expected.at(name));
    else if (const auto* numbers = std::get_if<Numbers>(found)) compare(*numbers, expected.at(name));
    else compare(std::get<std::vector<Numbers>>(*found), expected.at(name));
  }
}

const Json& golden() {
  static const Json all = Json::parse(read_text(test::tests_folder() / "golden" / "anatomy.json"));
  return all;
}

std::filesystem::path folder_of(const std::string& name) { return test::tests_folder() / "golden" / "hf" / name; }

// `check(metrics, expected)` for what the statistic says of every golden checkpoint.
template <class Check>
void on_goldens(const std::string& statistic, const Check& check, const std::string& own = "") {
  for (const auto& [key, expected] : golden().items()) {
    const std::string& name = key;
    CAPTURE(name);
    const CheckpointFolder checkpoint(folder_of(name));
    const SafetensorsFile file(folder_of(name) / "expected.safetensors");
    check(measure(statistic, checkpoint, ids_of(file), own), expected);
  }
}

// Of ids that only say where something was: the same set, in any order.
void same_places(const Metrics& metrics, const char* name, const Json& expected) {
  CAPTURE(name);
  Numbers found = list(metrics, name);
  std::sort(found.begin(), found.end());
  CHECK(found == expected.at(name).get<Numbers>());
}

}  // namespace

TEST_CASE("spikes, their life cycle and the blocks that make them") {
  on_goldens("spikes", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected,
            {"spike", "spike_per_state", "spike_state", "top_per_state", "top_per_block", "step_up_blocks", "step_down_blocks"});
    // Where several entries are as large as the spike, rounding chooses.
    CHECK(near(list(metrics, "spike_per_state")[static_cast<std::size_t>(metrics.number("spike_state"))], expected.at("spike")));
  });
}

TEST_CASE("massive activations") {
  on_goldens("massive", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected, {"median_per_state", "massive_per_state", "massive_activations", "massive_sequences"});
    for (const char* name : {"massive_channels", "massive_tokens", "massive_token_ids"}) same_places(metrics, name, expected);
    if (expected.contains("massive_first_block")) compare(metrics, expected, {"massive_first_block", "massive_last_block"});
    else CHECK_FALSE(metrics.find("massive_first_block"));
  });
}

TEST_CASE("SiLU's regime") {
  on_goldens("silu_regime", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected, {"silu_spike_tokens", "silu_cosine_spike", "silu_cosine_rest", "silu_ratio_spike", "silu_ratio_rest"});
  });
}

TEST_CASE("geometry of normed states and sink keys") {
  on_goldens("geometry", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected,
            {"geometry_share_spike", "geometry_share_rest", "geometry_range_spike", "geometry_range_rest", "geometry_step_up",
             "geometry_cosine_before", "geometry_cosine_after", "geometry_sink_head", "geometry_key_singular_values", "geometry_key_rank"});
  });
}

TEST_CASE("sinks, sink heads and value states") {
  on_goldens("sinks", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected, {"sink_score", "sink_ratio", "sink_ratio_early"});
  });
  on_goldens("value_states", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected, {"value_norm_first", "value_norm_rest"});
  });
  on_goldens("sink_heads", [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected, {"sink_head", "sink_head_values", "other_head", "other_head_values"});
    const auto& figures = std::get<std::vector<Figure>>(*metrics.find("figures"));
    REQUIRE(figures.size() == 4);
    for (const Figure& figure : figures) CHECK(figure.series.size() == 3);
  });
}

TEST_CASE("quadratic forms") {
  const auto check = [](const Metrics& metrics, const Json& expected) {
    compare(metrics, expected, {"form_norms", "form_layer", "form_channels", "form_eigenvalues", "form_leading_share", "form_alignment"});
  };
  on_goldens("quadratic_forms", check, "channels = [7, 33, 0, 20]");
}

TEST_CASE("which tokens of the vocabulary spike") {
  for (const auto& [key, expected] : golden().items()) {
    const std::string& name = key;
    CAPTURE(name);
    const CheckpointFolder checkpoint(folder_of(name));
    EvaluationData data{.rows = 320, .columns = 1, .ids = {}, .shifted = false, .positions = std::nullopt};
    for (int id = 0; id < 320; ++id) data.ids.push_back(id);
    const Metrics metrics = measure("vocabulary", checkpoint, data);
    CHECK(metrics.number("vocabulary_tokens") == 320);
    CHECK(metrics.number("vocabulary_position") == 0);
    compare(metrics, expected, {"vocabulary_share", "vocabulary_massive"});
    if (name == "planted") {  // all but the one token that it was planted for
      const Numbers without = list(metrics, "vocabulary_without");
      CHECK(Numbers(without.begin(), without.begin() + 3) == Numbers{0, 2, 3});
    }
  }
}

// What was planted: block 4 writes 900 into channel 7 and -400 into channel 33 of the first token, block 8 takes them away, heads (2, 0)
// and (3, 2) rest on it.
TEST_CASE("what is planted is found") {
  const CheckpointFolder checkpoint(folder_of("planted"));
  const SafetensorsFile file(folder_of("planted") / "expected.safetensors");
  const Metrics spikes = measure("spikes", checkpoint, ids_of(file)), forms = measure("quadratic_forms", checkpoint, ids_of(file));
  CHECK(list(spikes, "spike_channels") == Numbers{7, 33});
  for (const std::size_t layer : {1u, 3u}) {
    const Numbers top = table(forms, "form_top_channels")[layer];
    CHECK(Numbers(top.begin(), top.begin() + 2) == Numbers{7, 33});
  }
  const Numbers channels = list(forms, "form_channels");
  REQUIRE(channels.size() == 4);
  CHECK(Numbers(channels.begin(), channels.begin() + 2) == Numbers{7, 33});
}
