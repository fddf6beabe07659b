#include "model/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "model/parameters.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace ablate;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

Json llama() {
  return Json::parse(R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 160, "vocab_size": 320, "rms_norm_eps": 1e-5, "max_position_embeddings": 256})");
}

Json of(const char* architecture) {
  Json json = llama();
  json["architectures"] = {architecture};
  return json;
}

/// `base` with some keys changed.
Json with(Json base, const char* changes) {
  base.merge_patch(Json::parse(changes));
  return base;
}

/// merge_patch takes null as "remove": this puts a null there.
Json with_null(Json base, const char* key) {
  base[key] = nullptr;
  return base;
}

TransformerConfig parse(const Json& json) { return parse_model_config(json.dump(), "config.json"); }

void refuses(const Json& json, const char* message) {
  CAPTURE(json.dump());
  CHECK_THROWS_WITH_AS(parse(json), doctest::Contains(message), InputError);
}

/// A folder whose tensors hold a different number each.
void make_checkpoint(const fs::path& folder, const TransformerConfig& config) {
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;
  for (const ParameterSpec& p : parameters(config))
    values.emplace_back(static_cast<std::size_t>(p.elements()), static_cast<float>(values.size()));
  std::size_t i = 0;
  for (const ParameterSpec& p : parameters(config)) tensors.push_back(TensorToWrite::from(p.name, p.shape, values[i++]));
  write_checkpoint(folder, config, tensors);
}

/// Moves the tensors of model.safetensors into two shards with an index.
void shard(const fs::path& folder) {
  {
    const SafetensorsFile whole(folder / "model.safetensors");
    std::vector<TensorToWrite> halves[2];
    Json map;
    for (const auto& [name, tensor] : whole.tensors()) {
      const int half = name < "model.layers.0.mlp" ? 0 : 1;
      halves[half].push_back({name, tensor.dtype, tensor.shape, [bytes = tensor.bytes](const ByteSink& sink) { sink(bytes); }});
      map[name] = half ? "b.safetensors" : "a.safetensors";
    }
    write_safetensors(folder / "a.safetensors", halves[0]);
    write_safetensors(folder / "b.safetensors", halves[1]);
    write_atomically(folder / "model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  }
  fs::remove(folder / "model.safetensors");
}

}  // namespace

TEST_CASE("the golden checkpoints open") {
  for (const char* name : {"planted", "llama3", "llama_bf16", "qwen2", "qwen3"}) {
    CAPTURE(name);
    const CheckpointFolder checkpoint(test::golden_folder() / "hf" / name);
    const TransformerConfig& c = checkpoint.config();
    CHECK(c.d_model == 64);
    CHECK(c.n_kv_heads == 2);
    CHECK(checkpoint.at("model.embed_tokens.weight").floats().size() == 320u * 64);
  }
  const auto open = [](const char* name) { return CheckpointFolder(test::golden_folder() / "hf" / name); };
  CHECK(open("llama3").config().rope_scaling == RopeScaling{RopeScalingKind::llama3, 8.0, 1.0, 4.0, 64});
  CHECK(open("llama3").config().rope_theta == 500000.0);
  CHECK(open("llama3").config().tie_embeddings);
  CHECK(open("llama_bf16").dtype() == DType::bf16);
  CHECK(open("planted").dtype() == DType::f32);
  CHECK(open("planted").config().bos_token_id == 1);
  CHECK(open("qwen2").config().qkv_bias);
  CHECK_FALSE(open("qwen2").config().o_bias);
  CHECK(open("qwen2").config().sliding_window == 0);
  CHECK(open("qwen3").config().qk_norm == QkNorm::head);
  CHECK(open("qwen3").config().head_dim == 32);
}

TEST_CASE("both spellings of the rotary settings, and their limits") {
  CHECK(parse(llama()).rope_theta == 10000.0);
  CHECK(parse(with(llama(), R"({"rope_theta": 5e5})")).rope_theta == 5e5);
  const RopeScaling linear{.kind = RopeScalingKind::linear, .factor = 2.0};
  CHECK(parse(with(llama(), R"({"rope_scaling": {"type": "linear", "factor": 2}})")).rope_scaling == linear);
  CHECK(parse(with(llama(), R"({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 7.0}})")).rope_scaling == linear);
  const char* llama3 =
      R"({"rope_scaling": {"rope_type": "llama3", "type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192}})";
  CHECK(parse(with(llama(), llama3)).rope_scaling == RopeScaling{RopeScalingKind::llama3, 32.0, 1.0, 4.0, 8192});
  refuses(with(llama(), R"({"rope_scaling": {"type": "yarn", "factor": 2.0}})"),
          "config.json: rope_scaling.type: expected default, linear or llama3, found \"yarn\"");
  refuses(with(llama(), R"({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}})"), "\"dynamic\"");
  refuses(with(llama(), R"({"rope_scaling": {"type": "linear"}})"), "factor");
  refuses(with(llama(), R"({"rope_scaling": {"type": "linear", "factor": 2.0, "attention_factor": 0.5}})"), "attention_factor");
  refuses(with(llama(), R"({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}})"), "partial_rotary_factor");
  refuses(with(llama(), R"({"partial_rotary_factor": 0.25})"), "partial_rotary_factor");
}

TEST_CASE("sliding windows of Mistral and Qwen") {
  const auto window = [](const Json& json) { return parse(json).sliding_window; };
  const Json mistral = of("MistralForCausalLM"), qwen = of("Qwen2ForCausalLM");
  CHECK(window(mistral) == 4096);
  CHECK(window(with(mistral, R"({"sliding_window": 32})")) == 32);
  CHECK(window(with_null(mistral, "sliding_window")) == 0);
  CHECK(window(qwen) == 0);
  CHECK(window(with(qwen, R"({"sliding_window": 32, "use_sliding_window": false})")) == 0);
  CHECK(window(with(qwen, R"({"sliding_window": 32, "use_sliding_window": true, "max_window_layers": 0})")) == 32);
  CHECK(window(with(qwen, R"({"sliding_window": 32, "use_sliding_window": true, "max_window_layers": 4})")) == 0);
  refuses(with(qwen, R"({"sliding_window": 32, "use_sliding_window": true, "max_window_layers": 2})"),
          "some of the layers only (from layer 2 on)");
  refuses(with(qwen, R"({"layer_types": ["full_attention", "full_attention", "full_attention", "sliding_attention"]})"), "layer_types");
  refuses(with(llama(), R"({"sliding_window": 32})"), "sliding_window");
}

TEST_CASE("what would change the arithmetic is refused by name") {
  refuses(of("GPT2LMHeadModel"), "found GPT2LMHeadModel");
  refuses(with(llama(), R"({"architectures": ["LlamaForCausalLM", "Other"]})"), "found LlamaForCausalLM, Other");
  refuses(with(llama(), R"({"hidden_act": "gelu"})"), "config.json: hidden_act: expected silu, found \"gelu\"");
  refuses(with(llama(), R"({"mlp_bias": true})"), "mlp_bias");
  refuses(with(of("MistralForCausalLM"), R"({"attention_bias": true})"), "attention_bias");
  refuses(with(llama(), R"({"final_logit_softcapping": 30.0})"), "final_logit_softcapping");
  refuses(with(llama(), R"({"residual_multiplier": 0.22})"), "residual_multiplier");
  refuses(with(llama(), R"({"quantization_config": {"bits": 4}})"), "quantized weights");
  refuses(with(llama(), R"({"num_attention_heads": 3})"), "64 does not divide into 3 heads");
  refuses(with(llama(), R"({"num_key_value_heads": 3})"), "4 heads cannot share 3 keys");
  refuses(with(llama(), R"({"hidden_size": "64"})"), "config.json: hidden_size");
  refuses(with(llama(), R"({"vocab_size": null})"), "vocab_size");
  refuses(with(of("AblateForCausalLM"), R"({"ablate": {"norm_kind": "x"}})"), "norm_kind");
  refuses(of("AblateForCausalLM"), "ablate");
  CHECK_THROWS_WITH_AS(parse_model_config("{", "config.json"), doctest::Contains("config.json: not a JSON object"), InputError);
  CHECK_THROWS_AS(parse_model_config("{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", "config.json"), InputError);
}

TEST_CASE("what does not change the arithmetic is read over") {
  const TransformerConfig plain = parse(llama());
  CHECK(
      parse(with(llama(), R"({"attention_dropout": 0.1, "use_cache": false, "eos_token_id": [1, 2], "pretraining_tp": 2, "mlp_bias": false,
    "torch_dtype": "float16", "_name_or_path": "x", "initializer_range": 0.02})")) == plain);
  CHECK(parse(with_null(with_null(llama(), "rope_scaling"), "head_dim")) == plain);
  Json unnamed = llama();
  unnamed.erase("architectures");
  unnamed["model_type"] = "llama";
  CHECK(parse(unnamed) == plain);
  const TransformerConfig biased = parse(with(llama(), R"({"attention_bias": true})"));
  CHECK(biased.qkv_bias);
  CHECK(biased.o_bias);
}

TEST_CASE("a configuration survives its own config.json") {
  const auto survives = [](const TransformerConfig& c, std::string_view name) {
    CAPTURE(name);
    CHECK(architecture(c) == name);
    CHECK(parse_model_config(model_config_json(c), "config.json") == c);
    CHECK(Json::parse(model_config_json(c, DType::bf16)).at("torch_dtype") == "bfloat16");
  };
  TransformerConfig c;
  c.bos_token_id = 5;
  survives(c, "LlamaForCausalLM");
  c.rope_scaling = {RopeScalingKind::llama3, 8.0, 1.0, 4.0, 64};
  c.qkv_bias = c.o_bias = c.tie_embeddings = true;
  survives(c, "LlamaForCausalLM");
  c.o_bias = false;
  survives(c, "Qwen2ForCausalLM");
  c.sliding_window = 16;
  survives(c, "Qwen2ForCausalLM");
  c.qkv_bias = false;
  survives(c, "MistralForCausalLM");
  c.sliding_window = 0;
  c.qk_norm = QkNorm::head;
  c.head_dim = 12;
  survives(c, "Qwen3ForCausalLM");
  c.sliding_window = 9;
  survives(c, "Qwen3ForCausalLM");
  c.o_bias = true;
  survives(c, "AblateForCausalLM");
  c.gate = "head", c.norm = "dyt", c.loss_positions = {3, 9}, c.attention_bias = AttentionBias::kv, c.norm_eps = 1e-7,
  c.position = Position::learned, c.rope_scaling = {};
  survives(c, "AblateForCausalLM");
}

TEST_CASE("a checkpoint in shards equals the whole one") {
  const test::TemporaryFolder folder;
  make_checkpoint(folder.path(), TransformerConfig{});
  const auto before = CheckpointFolder(folder.path()).at("model.norm.weight").floats();
  shard(folder.path());
  const CheckpointFolder sharded(folder / "");
  CHECK(sharded.at("model.norm.weight").floats() == before);
  CHECK(sharded.config() == TransformerConfig{});
}

TEST_CASE("broken checkpoint folders are refused in one line") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const char* message) {
    CAPTURE(std::string(message));
    CHECK_THROWS_WITH_AS(CheckpointFolder{folder.path()}, doctest::Contains(message), InputError);
  };
  CHECK_THROWS_WITH_AS(CheckpointFolder(folder / "nowhere"), doctest::Contains("not a folder"), InputError);
  refused("config.json");
  TransformerConfig c;
  make_checkpoint(folder.path(), c);
  CHECK_NOTHROW(CheckpointFolder{folder.path()});

  SUBCASE("a wrong shape") {
    c.d_ffn = 65;
    write_atomically(folder / "config.json", model_config_json(c));
    refused("model.layers.0.mlp.gate_proj.weight: expected shape (65, 32), found (64, 32)");
  }
  SUBCASE("a missing tensor") {
    c.n_layers = 3;
    write_atomically(folder / "config.json", model_config_json(c));
    refused("the tensor model.layers.2.input_layernorm.weight is missing");
  }
  SUBCASE("a tensor too many") {
    c.n_layers = 1;
    write_atomically(folder / "config.json", model_config_json(c));
    refused("model.layers.1.input_layernorm.weight: has no place in this model");
  }
  SUBCASE("a tied head is read over") {
    c.tie_embeddings = true;
    write_atomically(folder / "config.json", model_config_json(c));
    CHECK_NOTHROW(CheckpointFolder{folder.path()});
  }
  SUBCASE("weights that are not numbers of a known kind") {
    const std::vector<std::int32_t> table(64 * 32);
    const std::vector<TensorToWrite> tensors{TensorToWrite::from("model.embed_tokens.weight", {64, 32}, table)};
    write_safetensors(folder / "model.safetensors", tensors);
    refused("model.embed_tokens.weight: expected F32, F16, BF16 or F64, found I32");
  }
  SUBCASE("pickled weights") {
    fs::rename(folder / "model.safetensors", folder / "pytorch_model.bin");
    refused("pickled weights are not read");
  }
  SUBCASE("a truncated file") {
    fs::resize_file(folder / "model.safetensors", 5000);
    refused("model.safetensors: lm_head.weight: its bytes");
  }
}

TEST_CASE("shard names stay in the folder") {
  const test::TemporaryFolder parent;
  const fs::path folder = parent / "models--x" / "snapshots" / "0123";
  make_checkpoint(folder, TransformerConfig{});
  shard(folder);
  const auto index_with = [&](const std::string& name) {
    write_atomically(folder / "model.safetensors.index.json", Json{{"weight_map", {{"lm_head.weight", name}}}}.dump());
  };
  const auto refused = [&](const char* message) {
    CAPTURE(std::string(message));
    CHECK_THROWS_WITH_AS(CheckpointFolder{folder}, doctest::Contains(message), InputError);
  };
  for (const std::string name : {"../0123/a.safetensors", "/etc/passwd", "..", ".", "", "sub/a.safetensors", "..\\a", "C:a"}) {
    index_with(name);
    refused("is not the name of a file in this folder");
  }
  index_with("c.safetensors");
  refused("the shard c.safetensors is missing");
  index_with("b.safetensors");
  refused("lm_head.weight is not in b.safetensors");

  fs::create_directories(parent / "elsewhere");
  fs::rename(folder / "a.safetensors", parent / "elsewhere" / "a");
  fs::create_symlink("../../../elsewhere/a", folder / "a.safetensors");
  index_with("a.safetensors");
  refused("the shard a.safetensors is a link that leaves the folder");

  fs::remove(folder / "a.safetensors");
  fs::create_directories(parent / "models--x" / "blobs");
  fs::rename(parent / "elsewhere" / "a", parent / "models--x" / "blobs" / "a");
  fs::create_symlink("../../blobs/a", folder / "a.safetensors");
  refused(
      "snapshots/0123: the tensor model.layers.0.self_attn.q_proj.weight is missing");  // the other shard's tensors: the link itself was followed
}
