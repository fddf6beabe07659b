#include "model/parameters.h"

#include "base/error.h"
#include "base/file.h"
#include "model/initialization.h"
#include "model/json_settings.h"
#include "model/safetensors.h"
#include "support/golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace ablate;

namespace {

std::vector<float> draw(const ParameterSpec& p, const Initializer& how, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(p.elements()));
  initialize(values, p, how, seed);
  return values;
}

double deviation(const std::vector<float>& values) {
  double square = 0;
  for (const float x : values) square += static_cast<double>(x) * x;
  return std::sqrt(square / static_cast<double>(values.size()));
}

const ParameterSpec& named(const std::vector<ParameterSpec>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](auto& p) { return p.name == name; });
  REQUIRE(found != all.end());
  return *found;
}

}  // namespace

TEST_CASE("every golden variant has exactly the reference's parameters") {
  const auto folder = test::golden_folder() / "train";
  Settings index = settings_from_json(read_text(folder / "index.json"), "index.json");
  CHECK(index.keys().size() == 27);
  for (const std::string& variant : index.keys()) {
    CAPTURE(variant);
    Settings table = index.table(variant).table("config");
    const TransformerConfig config = TransformerConfig::from(table);
    CHECK_NOTHROW(table.reject_unused());
    const SafetensorsFile expected(folder / (variant + ".expected.safetensors"));  // a gradient for each
    const auto all = parameters(config);
    const auto names = expected.names();
    CHECK(static_cast<std::ptrdiff_t>(all.size()) ==
          std::count_if(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("grad."); }));
    for (const ParameterSpec& p : all) {
      CAPTURE(p.name);
      REQUIRE(expected.contains("grad." + p.name));
      CHECK(expected.at("grad." + p.name).shape == p.shape);
    }
  }
}

TEST_CASE("parameters come in the model's order") {
  TransformerConfig c;
  c.n_layers = 1;
  c.norm = "dyt";
  c.dyt_bias = c.qkv_bias = c.o_bias = true;
  c.gate = "token";
  c.attention_bias = AttentionBias::k;
  std::vector<std::string> names;
  for (const ParameterSpec& p : parameters(c)) names.push_back(p.name);
  const std::string l = "model.layers.0.", a = l + "self_attn.";
  CHECK(names == std::vector<std::string>{"model.embed_tokens.weight",
                                          l + "input_layernorm.weight",
                                          l + "input_layernorm.bias",
                                          l + "input_layernorm.alpha",
                                          a + "q_proj.weight",
                                          a + "q_proj.bias",
                                          a + "k_proj.weight",
                                          a + "k_proj.bias",
                                          a + "v_proj.weight",
                                          a + "v_proj.bias",
                                          a + "o_proj.weight",
                                          a + "o_proj.bias",
                                          a + "k_bias",
                                          a + "gate_proj.weight",
                                          l + "post_attention_layernorm.weight",
                                          l + "post_attention_layernorm.bias",
                                          l + "post_attention_layernorm.alpha",
                                          l + "mlp.gate_proj.weight",
                                          l + "mlp.up_proj.weight",
                                          l + "mlp.down_proj.weight",
                                          "model.norm.weight",
                                          "model.norm.bias",
                                          "model.norm.alpha",
                                          "lm_head.weight"});
}

TEST_CASE("a 7B Llama has the published number of parameters") {
  TransformerConfig c;
  c.vocab_size = 32000, c.d_model = 4096, c.n_layers = 32, c.n_heads = c.n_kv_heads = 32, c.head_dim = 128, c.d_ffn = 11008;
  CHECK(parameter_count(c) == 6'738'415'616);
}

TEST_CASE("an unknown kind is refused, and a registered one is known") {
  TransformerConfig c;
  c.norm = "test_norm";
  CHECK_THROWS_WITH_AS(parameters(c), doctest::Contains("unknown kind \"test_norm\"; known: "),
                       InputError);  // tests may have registered more
  c.norm = "rmsnorm";
  c.gate = "test_gate";
  CHECK_THROWS_WITH_AS(parameters(c), doctest::Contains("known: channel, head, token"), InputError);
  c.gate = "none";
  c.ffn = "test_ffn";
  CHECK_THROWS_WITH_AS(parameters(c), doctest::Contains("model.ffn: unknown kind \"test_ffn\""), InputError);
  const FfnParametersRegistration registration{"test_ffn", [](const TransformerConfig& config, int, const std::string& prefix) {
                                                 return std::vector<ParameterSpec>{{prefix + "w", {config.d_model}, ParameterKind::linear}};
                                               }};
  CHECK(named(parameters(c), "model.layers.1.mlp.w").shape == std::vector<std::int64_t>{32});
}

TEST_CASE("the paper's initialisation") {
  TransformerConfig c;
  c.vocab_size = 4000, c.d_model = 64, c.head_dim = 16, c.d_ffn = 256, c.n_layers = 1;
  c.norm = "dyt", c.final_norm = "rmsnorm", c.gate = "channel", c.gate_input = GateInput::position, c.max_seq_len = 200;
  c.attention_bias = AttentionBias::kv;
  const auto all = parameters(c);
  const auto spread = [&](std::string_view name) { return deviation(draw(named(all, name), initializer(c, named(all, name)), 5)); };
  // The sample's deviation lies within 5 / sqrt(2 n) of the law's: n is at least 64 * 64.
  const auto close = [](double law) { return doctest::Approx(law).epsilon(5 / std::sqrt(2 * 4096.0)); };
  CHECK(spread("model.embed_tokens.weight") == close(1.0));
  CHECK(spread("lm_head.weight") == close(1 / 8.0));
  CHECK(spread("model.layers.0.self_attn.o_proj.weight") == close(0.02));
  CHECK(spread("model.layers.0.mlp.down_proj.weight") == close(0.02));
  CHECK(spread("model.layers.0.self_attn.gate") == close(0.02));
  const auto all_are = [&](std::string_view name, float value) {
    CAPTURE(name);
    const auto values = draw(named(all, name), initializer(c, named(all, name)), 5);
    CHECK(std::all_of(values.begin(), values.end(), [&](float x) { return x == value; }));
  };
  all_are("model.norm.weight", 1.0f);
  all_are("model.layers.0.input_layernorm.weight", 1.0f);
  all_are("model.layers.0.input_layernorm.alpha", 0.8f);
  all_are("model.layers.0.post_attention_layernorm.alpha", 0.2f);
}

TEST_CASE("other initialisation rules") {
  TransformerConfig c;
  c.n_layers = 8;
  const auto all = parameters(c);
  const ParameterSpec &out = named(all, "model.layers.0.self_attn.o_proj.weight"),
                      &down = named(all, "model.layers.0.mlp.down_proj.weight"), &up = named(all, "model.layers.0.mlp.up_proj.weight"),
                      &embedding = all.front();
  CHECK(initializer(c, out, "gpt2").scale == doctest::Approx(0.02 / 4));
  CHECK(initializer(c, up, "gpt2").scale == 0.02);
  CHECK(initializer(c, embedding, "gu").scale == doctest::Approx(std::sqrt(2.0 / (5 * 32))));
  CHECK(initializer(c, down, "gu").scale == doctest::Approx(1 / (8.0 * 8)));
  CHECK(initializer(c, out, "gu").scale == doctest::Approx(std::sqrt(2.0 / (5 * 32))));
  CHECK(initializer(c, embedding, "pytorch").scale == 1.0);
  const Initializer uniform = initializer(c, down, "pytorch");
  CHECK(uniform.law == Initializer::Law::uniform);
  const auto values = draw(down, uniform, 1);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  CHECK(*low >= -1 / 8.0f);
  CHECK(*high <= 1 / 8.0f);
  CHECK(deviation(values) == doctest::Approx(1 / 8.0 / std::sqrt(3.0)).epsilon(0.05));
  CHECK_THROWS_WITH_AS(initializer(c, up, "xavier"), doctest::Contains("expected one of paper, gpt2, gu, pytorch"), InputError);
}

TEST_CASE("weights are a function of seed, name and element only") {
  const TransformerConfig c;
  const auto all = parameters(c);
  const ParameterSpec& p = named(all, "model.layers.0.self_attn.q_proj.weight");
  const Initializer how = initializer(c, p);
  const auto whole = draw(p, how, 3);
  std::vector<float> piece(101);
  initialize(piece, p, how, 3, 77);
  CHECK(std::equal(piece.begin(), piece.end(), whole.begin() + 77));
  CHECK(draw(p, how, 4) != whole);
  CHECK(draw(named(all, "model.layers.1.self_attn.q_proj.weight"), how, 3) != whole);
}
