#include "model/config.h"

#include "base/error.h"
#include "model/json_settings.h"
#include "model/rope.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

using namespace ablate;

namespace {

TransformerConfig config(const char* json) {
  Settings table = settings_from_json(json, "model");
  const TransformerConfig c = TransformerConfig::from(table);
  table.reject_unused();
  return c;
}

void refuses(const char* json, const char* message) {
  CAPTURE(std::string(json));
  CHECK_THROWS_WITH_AS(config(json), doctest::Contains(message), InputError);
}

}  // namespace

TEST_CASE("an empty table is the default configuration") { CHECK(config("{}") == TransformerConfig{}); }

TEST_CASE("what depends on other sizes follows them") {
  const TransformerConfig c = config(R"({"d_model": 256, "n_heads": 2})");
  CHECK(c.head_dim == 128);
  CHECK(c.n_kv_heads == 2);
  CHECK(c.d_ffn == 688);
  CHECK(config(R"({"d_model": 256, "ffn": "gelu"})").d_ffn == 1032);
  CHECK(config(R"({"d_model": 256, "d_ffn": 100})").d_ffn == 100);
  refuses(R"({"d_model": 30, "n_heads": 4})", "30 channels do not divide into 4 heads; give head_dim");
  CHECK(config(R"({"d_model": 30, "n_heads": 4, "head_dim": 6})").head_dim == 6);
}

TEST_CASE("every kind of key is read") {
  const TransformerConfig c = config(R"({"position": "learned", "qk_norm": "full", "gate": "head", "gate_input": "position", "norm": "dyt",
    "dyt_bias": true, "attn_alpha": 1, "loss_positions": [5, 12], "bos_token_id": 3, "attention_bias": "kv", "tie_embeddings": true, "sliding_window": 8})");
  CHECK(c.position == Position::learned);
  CHECK(c.qk_norm == QkNorm::full);
  CHECK(c.gate_input == GateInput::position);
  CHECK(c.attention_bias == AttentionBias::kv);
  CHECK(c.attn_alpha == 1.0);
  CHECK(c.loss_positions == std::array{5, 12});
  CHECK(c.bos_token_id == 3);
  CHECK(c.sliding_window == 8);
  CHECK(c.blocks() == 4);
  CHECK(config(R"({"ffn": "none", "n_layers": 3, "loss_positions": []})").blocks() == 3);
  CHECK(config(R"({"rope_scaling": {"kind": "llama3", "factor": 8.0}})").rope_scaling[0].kind == RopeScalingKind::llama3);
}

TEST_CASE("combinations that make no sense are refused with a reason") {
  refuses(R"({"n_heads": 4, "n_kv_heads": 3})", "4 heads cannot share 3 keys");
  refuses(R"({"head_dim": 7})", "7 is odd");
  CHECK_NOTHROW(config(R"({"head_dim": 7, "position": "none"})"));
  refuses(R"({"attention_bias": "sink_logit", "attention": "sigmoid"})", "sink_logit joins the denominator of a softmax");
  refuses(R"({"gate_input": "constant"})", "has no gate to feed");
  refuses(R"({"dyt_bias": true})", "there is no dyt norm");
  CHECK_NOTHROW(config(R"({"dyt_bias": true, "final_norm": "dyt"})"));
  refuses(R"({"layernorm_bias": true})", "there is no layernorm");
  refuses(R"({"rope_scaling": {"kind": "linear"}, "position": "none"})", "has no rope to scale");
  refuses(R"({"rope_scaling": {"kind": "llama3", "low_freq_factor": 4.0}})", "more than low_freq_factor");
  refuses(R"({"loss_positions": [3, 3]})", "0 <= first < end");
  refuses(R"({"loss_positions": [3]})", "found 1 numbers");
  refuses(R"({"vocab_size": 0})", "vocab_size: expected 1 to");
  refuses(R"({"n_heads": 0})", "0 heads");
  refuses(R"({"n_layers": 1000000000})", "n_layers");
  refuses(R"({"n_heads": 16777216, "head_dim": 16777216})", "head_dim");
  refuses(R"({"d_model": 2147483647, "n_heads": 1})", "d_model");
  refuses(R"({"norm_eps": -1.0})", "positive");
  refuses(R"({"norm_eps": 1e-46})", "norm_eps: 1e-46 is too small for 32 bits");
  refuses(R"({"logit_softcap": 1e39})", "logit_softcap: 1e+39 is too large for 32 bits");
  refuses(R"({"attention_softcap": 1e-45})", "attention_softcap: 1e-45 is too small");
  refuses(R"({"embedding_scale": 1e39})", "embedding_scale: 1e+39 is too large");
  refuses(R"({"attention": "clipped_softmax"})", "clipped_softmax clips nothing");
  refuses(R"({"attention": "clipped_softmax", "attention_gamma": 0.1})", "attention_gamma: expected 0 or less");
  refuses(R"({"attention": "clipped_softmax", "attention_zeta": 0.9})", "attention_zeta: expected 1 or more");
  refuses(R"({"attention_gamma": -0.1})", "attention_gamma: only clipped_softmax clips");
  refuses(R"({"rotary_share": 0.2})", "rotary_share: 0.2 of 8 channels is less than a pair");
  CHECK(config(R"({"rotary_share": 0.25})").rotated_channels(0) == 2);
  CHECK_NOTHROW(config(R"({"head_dim": 1, "position": "none"})"));
  refuses(R"({"sliding_window": []})", "sliding_window: the list is empty");
  refuses(R"({"bos_token_id": 64})", "outside the vocabulary of 64");
  refuses(R"({"sliding_window": -1})", "sliding_window");
  refuses(R"({"norm": "none"})", "norm");
  refuses(R"({"position": "alibi"})", "alibi");
  refuses(R"({"n_head": 2})", "n_head");
}

TEST_CASE("rope frequencies and their scalings") {
  TransformerConfig c;
  CHECK(rotation(c, 0, 32).frequencies ==
        std::vector<double>{1.0, std::pow(10000.0, -0.25), std::pow(10000.0, -0.5), std::pow(10000.0, -0.75)});
  c.rope_scaling = RopeScaling{.kind = RopeScalingKind::linear, .factor = 4.0};
  CHECK(rotation(c, 0, 32).frequencies[1] == doctest::Approx(0.025));
  // Llama 3: wavelengths 2 pi * 1, 10, 100, 1000. With a context of 256 and factors 1 and 4 those up to 64 stay, those beyond 256 are
  // stretched by 8, and 2 pi * 10 = 62.8 and 2 pi * 100 = 628 lie on the two sides; a context of 1000 puts 628 between 250 and 1000.
  c.rope_scaling = RopeScaling{.kind = RopeScalingKind::llama3,
                               .factor = 8.0,
                               .low_freq_factor = 1.0,
                               .high_freq_factor = 4.0,
                               .original_max_position_embeddings = 256};
  CHECK(rotation(c, 0, 32).frequencies[1] == doctest::Approx(0.1));
  CHECK(rotation(c, 0, 32).frequencies[2] == doctest::Approx(0.01 / 8));
  RopeScaling longer = c.rope_scaling[0];
  longer.original_max_position_embeddings = 1000;
  c.rope_scaling = longer;
  const double kept = (1000 / (200 * std::numbers::pi) - 1) / 3;
  CHECK(rotation(c, 0, 32).frequencies[2] == doctest::Approx(0.01 * (kept + (1 - kept) / 8)));
  CHECK(rotation(c, 0, 32).frequencies[3] == doctest::Approx(0.001 / 8));
}
