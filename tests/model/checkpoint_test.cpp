#include "model/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "model/parameters.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <numeric>

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

/// Writes model.safetensors again, with its tensors as `change` leaves them.
void rewrite(const fs::path& folder, const std::function<void(std::vector<TensorToWrite>&)>& change) {
  {
    const SafetensorsFile whole(folder / "model.safetensors");
    std::vector<TensorToWrite> tensors;
    for (const auto& [name, tensor] : whole.tensors())
      tensors.push_back({name, tensor.dtype, tensor.shape, [bytes = tensor.bytes](const ByteSink& sink) { sink(bytes); }});
    change(tensors);
    write_safetensors(folder / "new.safetensors", tensors);
  }
  fs::rename(folder / "new.safetensors", folder / "model.safetensors");
}

void rename_tensors(const fs::path& folder, const std::function<std::string(const std::string&)>& name) {
  rewrite(folder, [&](auto& tensors) {
    for (TensorToWrite& tensor : tensors) tensor.name = name(tensor.name);
  });
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
  for (const char* name : {"planted", "llama3", "llama_bf16", "qwen3"}) {
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
  refuses(with(llama(), R"({"rope_scaling": {"type": "ntk", "factor": 2.0}})"),
          "config.json:1: rope_scaling.type: expected default, linear, dynamic, llama3, yarn or longrope, found \"ntk\"");
  const TransformerConfig dynamic = parse(with(llama(), R"({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}})"));
  CHECK(dynamic.rope_scaling[0].kind == RopeScalingKind::dynamic);
  CHECK(dynamic.rope_scaling[0].original_max_position_embeddings == 256);
  const RopeScaling yarn = parse(with(llama(), R"({"rope_scaling": {"type": "yarn", "factor": 32.0}})")).rope_scaling[0];
  CHECK(yarn.attention_factor == doctest::Approx(0.1 * std::log(32.0) + 1));  // gpt-oss: 1.3466
  refuses(with(llama(), R"({"rope_scaling": {"type": "linear"}})"), "factor");
  refuses(with(llama(), R"({"rope_scaling": {"type": "linear", "factor": 2.0, "attention_factor": 0.5}})"), "attention_factor");
  refuses(with(llama(), R"({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}})"), "partial_rotary_factor");
  refuses(with(llama(), R"({"partial_rotary_factor": 0.25})"), "partial_rotary_factor");
}

TEST_CASE("what two spellings of the rotary settings say must be the same") {
  const RopeScaling linear{.kind = RopeScalingKind::linear, .factor = 4.0};
  const char* scaling = R"({"rope_scaling": {"type": "linear", "factor": 4.0}})";
  CHECK(parse(with(with(llama(), scaling), R"({"rope_parameters": {"rope_type": "linear", "factor": 4}})")).rope_scaling == linear);
  CHECK(parse(with(with(llama(), scaling), R"({"rope_parameters": {"rope_theta": 7.0}})")).rope_scaling ==
        linear);  // says nothing of scaling
  CHECK(parse(with(llama(), R"({"rope_theta": 7, "rope_parameters": {"rope_type": "default", "rope_theta": 7.0}})")).rope_theta == 7.0);
  refuses(with(with(llama(), scaling), R"({"rope_parameters": {"rope_type": "default"}})"),
          "rope_scaling says linear by 4 and config.json:1: rope_parameters says no scaling");
  refuses(with(with(llama(), scaling), R"({"rope_parameters": {"rope_type": "linear", "factor": 8.0}})"), "linear by 8");
  refuses(with(llama(), R"({"rope_theta": 5e5, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}})"),
          "rope_theta says 500000 and config.json:1: rope_parameters.rope_theta says 10000");
  refuses(with(llama(), R"({"rope_scaling": {"type": "linear", "rope_type": "default", "factor": 2.0}})"), "\"default\"");
  refuses(with(llama(), R"({"rope_scaling": {"factor": 2.0}})"), "give rope_type");
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
  CHECK(window(with(qwen, R"({"sliding_window": 32, "use_sliding_window": true, "max_window_layers": 2})")) ==
        PerLayer<int>::list({0, 0, 32, 32}));
  refuses(with(qwen, R"({"layer_types": ["full_attention", "full_attention", "full_attention", "sliding_attention"]})"), "layer_types");
  refuses(with(llama(), R"({"sliding_window": 32})"), "sliding_window");
  CHECK(window(with(llama(), R"({"sliding_window": 32, "use_sliding_window": false, "max_window_layers": 2})")) == 0);
  refuses(with(mistral, R"({"sliding_window": 32, "use_sliding_window": false})"), "use_sliding_window: false, but sliding_window is 32");
}

TEST_CASE("a number out of range is named as the file names it, with its line") {
  const auto refused = [](const char* key, const char* value, const char* message) {
    std::string text = llama().dump(1);
    const std::string name = fmt::format("\"{}\": ", key);
    const std::size_t at = text.find(name) + name.size();
    text.replace(at, text.find_first_of(",\n", at) - at, value);
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse_model_config(text, "config.json"), doctest::Contains(message), InputError);
  };
  refused("num_attention_heads", "0", "config.json:8: num_attention_heads: expected 1 to 16777216, found 0");
  refused("num_hidden_layers", "-1", "config.json:9: num_hidden_layers: expected 1 to 4096, found -1");
  refused("num_key_value_heads", "3", "config.json:10: num_key_value_heads: 4 heads cannot share 3 keys evenly");
  refused("rms_norm_eps", "-1.0", "config.json:11: rms_norm_eps: expected a positive number, found -1");
  refused("hidden_size", "5000000000", "config.json:5: hidden_size: expected an integer (of 32 bits)");
  refuses(with(llama(), R"({"rope_scaling": {"type": "linear", "factor": -2.0}})"),
          "rope_scaling.factor: expected a positive number, found -2");
  refuses(with(llama(), R"({"layer_types": ["full_attention"], "num_hidden_layers": -1})"), "num_hidden_layers");
}

TEST_CASE("what a config.json leaves out is said, or asked for") {
  const auto notes_of = [](const Json& json) {
    std::vector<std::string> notes;
    parse_model_config(json.dump(), "config.json", &notes);
    return fmt::format("{}", fmt::join(notes, "; "));
  };
  CHECK(notes_of(with(llama(), R"({"rope_theta": 1e4})")) == "");
  CHECK(notes_of(llama()) == "config.json: no rope_theta is given: 10000, Transformers' default, is taken");
  Json bare = with(of("MistralForCausalLM"), R"({"rope_theta": 1e4})");
  bare.erase("rms_norm_eps");
  CHECK(notes_of(bare).find("no rms_norm_eps is given: 1e-06, Transformers' default for MistralForCausalLM") != std::string::npos);
  CHECK(notes_of(bare).find("no sliding_window is given: 4096") != std::string::npos);
  CHECK(
      notes_of(with(llama(), R"({"rope_theta": 1e4, "sliding_window": 32, "use_sliding_window": false})")) ==
      "config.json:1: sliding_window: left out, as LlamaForCausalLM has no sliding windows; config.json:1: use_sliding_window: left out, as "
      "LlamaForCausalLM has no sliding windows");
  bare.erase("num_key_value_heads");
  refuses(bare, "num_key_value_heads: this key is needed and missing");
  for (const char* name : {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
    CHECK(parse(with_null(of(name), "num_key_value_heads")).n_kv_heads == 4);
  refuses(with(llama(), R"({"model_type": "qwen2"})"), "\"qwen2\" is not the model_type of LlamaForCausalLM");

  CHECK(why_no_bos(llama().dump(), "config.json") == "config.json names no beginning-of-sequence token (bos_token_id)");
  CHECK(why_no_bos(with(llama(), R"({"bos_token_id": [1, 2]})").dump(), "config.json") ==
        "config.json:1: bos_token_id lists 2 ids, no single one");
  CHECK(why_no_bos(with(llama(), R"({"bos_token_id": 999})").dump(), "config.json") ==
        "config.json:1: bos_token_id = 999 is no id below vocab_size");
}

TEST_CASE("keys that Transformers does not read are left out with a note, those that sound like arithmetic are refused") {
  const Json plain = with(llama(), R"({"rope_theta": 1e4})");
  for (const char* key : {R"({"is_llama_config": true})",
                          R"({"transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}})",
                          R"({"pruned_heads": {}})",
                          R"({"num_labels": 2})",
                          R"({"neftune_noise_alpha": 5})",
                          R"({"hidden_dropout_prob": 0.1})",
                          R"({"gradient_checkpointing": true})",
                          R"({"model_max_length": 4096})",
                          R"({"min_p": 0.05})",
                          R"({"auto_map": {"AutoConfig": "x.X"}})",
                          R"({"use_flash_attn": true})",
                          R"({"_flash_attn_2_enabled": true})",
                          R"({"_attn_implementation_internal": "sdpa"})",
                          R"({"layer_norm_eps": 1e-5})",
                          R"({"residual_multiplier": 1.0})",
                          R"({"logit_scale": 1})",
                          R"({"final_logit_softcapping": 0.0})",
                          R"({"num_experts": 0})",
                          R"({"qkv_bias": false})",
                          R"({"position_embedding_type": "rope"})"}) {
    CAPTURE(key);
    std::vector<std::string> notes;
    CHECK(parse_model_config(with(plain, key).dump(), "config.json", &notes) == parse(plain));
    REQUIRE(notes.size() == 1);
    const std::string name = Json::parse(key).items().begin().key();
    CHECK(notes[0] == "config.json: left out what LlamaForCausalLM does not read: " + name);
  }
  std::vector<std::string> notes;
  parse_model_config(with(plain, R"({"_attn_implementation": "sdpa", "torch_dtype": "bfloat16", "use_cache": true})").dump(), "config.json",
                     &notes);
  CHECK(notes.empty());  // in every other file
  for (const char* key :
       {R"({"attn_logit_softcapping": 50.0})", R"({"embedding_multiplier": 12})", R"({"scale_emb": 12})", R"({"logit_scale": 0.06})",
        R"({"num_experts": 8})", R"({"qkv_bias": true})", R"({"use_qk_norm": true})", R"({"position_embedding_type": "alibi"})",
        R"({"use_parallel_residual": true})", R"({"activation_function": "gelu"})", R"({"rotary_pct": 0.25})",
        R"({"rope_local_base_freq": 10000})", R"({"attention_sinks": true})"})
    refuses(with(plain, key), "may change the arithmetic, and LlamaForCausalLM has no such key");
}

TEST_CASE("what would change the arithmetic is refused by name") {
  refuses(of("BloomForCausalLM"), "found BloomForCausalLM");
  refuses(with(llama(), R"({"architectures": ["LlamaForCausalLM", "Other"]})"), "found LlamaForCausalLM, Other");
  refuses(with(llama(), R"({"hidden_act": "gelu"})"), "config.json:1: hidden_act: expected silu or swish, found \"gelu\"");
  refuses(with(llama(), R"({"mlp_bias": true})"), "mlp_bias");
  refuses(with(of("MistralForCausalLM"), R"({"attention_bias": true})"), "attention_bias");
  refuses(with(llama(), R"({"final_logit_softcapping": 30.0})"), "final_logit_softcapping");
  refuses(with(llama(), R"({"residual_multiplier": 0.22})"), "residual_multiplier");
  refuses(with(llama(), R"({"quantization_config": {"bits": 4}})"), "quantized weights");
  refuses(with(llama(), R"({"num_attention_heads": 3})"), "64 does not divide into 3 heads");
  refuses(with(llama(), R"({"num_key_value_heads": 3})"), "4 heads cannot share 3 keys");
  refuses(with(llama(), R"({"hidden_size": "64"})"), "config.json:1: hidden_size");
  refuses(with(llama(), R"({"vocab_size": null})"), "vocab_size");
  refuses(with(of("AblateForCausalLM"), R"({"ablate": {"norm_kind": "x"}})"), "norm_kind");
  refuses(of("AblateForCausalLM"), "ablate");
  CHECK_THROWS_WITH_AS(parse_model_config("{", "config.json"), doctest::Contains("config.json:1:2: not JSON: unexpected end of input"),
                       InputError);
  CHECK_THROWS_WITH_AS(parse_model_config("[]", "config.json"), doctest::Contains("config.json: not a JSON object"), InputError);
  CHECK_THROWS_WITH_AS(parse_model_config("{\"vocab_size\": 1,\n\"vocab_size\": 2}", "config.json"),
                       doctest::Contains("config.json:2: \"vocab_size\" is given twice"), InputError);
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
  c.rope_scaling = RopeScaling{RopeScalingKind::llama3, 8.0, 1.0, 4.0, 64};
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
  c.position = Position::learned, c.rope_scaling = RopeScaling{};
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
  SUBCASE("a head beside the embedding that it is tied to") {
    c.tie_embeddings = true;
    write_atomically(folder / "config.json", model_config_json(c));
    refused("lm_head.weight: is not the embedding, though");
    const std::vector<float> same(64 * 32);  // make_checkpoint fills the first parameter, the embedding, with 0
    c.tie_embeddings = false;
    rewrite(folder.path(), [&](std::vector<TensorToWrite>& tensors) {
      for (TensorToWrite& tensor : tensors)
        if (tensor.name == "lm_head.weight") tensor = TensorToWrite::from("lm_head.weight", {64, 32}, same);
    });
    CHECK_NOTHROW(CheckpointFolder{folder.path()});
  }
  SUBCASE("no head, and none tied") {
    rewrite(folder.path(), [](auto& tensors) { std::erase_if(tensors, [](auto& tensor) { return tensor.name == "lm_head.weight"; }); });
    refused("the tensor lm_head.weight is missing; if the embedding is the head too");
  }
  SUBCASE("names without model.") {
    rename_tensors(folder.path(), [](const std::string& name) { return name.starts_with("model.") ? name.substr(6) : name; });
    const CheckpointFolder flat(folder.path());
    CHECK(flat.at("model.norm.weight").floats() == std::vector<float>(32, 19.0f));
    REQUIRE(flat.notes().size() == 1);
    CHECK(flat.notes()[0].find("named without \"model.\"") != std::string::npos);
  }
  SUBCASE("names behind a wrapper") {
    const std::pair<const char*, const char*> wrappers[] = {{"_orig_mod.", "of torch.compile"},
                                                            {"module.", "of DataParallel"},
                                                            {"base_model.model.", "of PEFT"},
                                                            {"module._orig_mod.", "of torch.compile"}};
    for (const auto& [prefix, whose] : wrappers) {
      make_checkpoint(folder.path(), c);
      rename_tensors(folder.path(), [&](const std::string& name) { return prefix + name; });
      refused(whose);
      refused((std::string("it holds ") + prefix + "model.embed_tokens.weight").c_str());
    }
  }
  SUBCASE("names of quantized weights") {
    for (const auto& [ending, scheme] :
         {std::pair{".qweight", "GPTQ or AWQ"}, {".weight_packed", "compressed-tensors"}, {".SCB", "bitsandbytes"}}) {
      make_checkpoint(folder.path(), c);
      rename_tensors(folder.path(), [&](const std::string& name) {
        return name.ends_with("up_proj.weight") ? name.substr(0, name.size() - 7) + ending : name;
      });
      refused((std::string("quantized weights, which are not supported (") + scheme).c_str());
    }
  }
  SUBCASE("names of another kind of model") {
    rename_tensors(folder.path(),
                   [](const std::string& name) { return name == "model.embed_tokens.weight" ? "tok_embeddings.weight" : name; });
    refused("it holds tok_embeddings.weight: Meta's names");
  }
  SUBCASE("a few matrices in more bits than the others") {
    const std::vector<std::byte> halves(64 * 32 * 2);
    rewrite(folder.path(), [&](auto& tensors) {
      for (TensorToWrite& tensor : tensors)
        if (tensor.name.find("layers") != std::string::npos)
          tensor.dtype = "BF16", tensor.produce = [&](const ByteSink& sink) {
            sink(std::span(halves).first(2 * static_cast<std::size_t>(std::accumulate(tensor.shape.begin(), tensor.shape.end(),
                                                                                      std::int64_t{1}, std::multiplies<>()))));
          };
    });
    const CheckpointFolder mixed(folder.path());
    CHECK(mixed.dtype() == DType::bf16);
    REQUIRE(mixed.notes().size() == 1);
    CHECK(mixed.notes()[0].find("2 of F32 matrices are kept as bf16") != std::string::npos);
  }
  SUBCASE("an index beside a whole file") {
    write_atomically(folder / "model.safetensors.index.json", R"({"weight_map": {"lm_head.weight": "a.safetensors"}})");
    const CheckpointFolder stale(folder.path());
    REQUIRE(stale.notes().size() == 1);
    CHECK(stale.notes()[0].find("model.safetensors is read, as Transformers does, and not the 1 shards of") != std::string::npos);
    write_atomically(folder / "model.safetensors.index.json", R"({"weight_map": {"lm_head.weight": "model.safetensors"}})");
    CHECK(CheckpointFolder(folder.path()).notes().empty());
  }
  SUBCASE("a file in place of the folder") {
    CHECK_THROWS_WITH_AS(CheckpointFolder(folder / "config.json"), doctest::Contains("is a file; a checkpoint is the folder that holds it"),
                         InputError);
  }
  SUBCASE("an adapter") {
    fs::rename(folder / "config.json", folder / "adapter_config.json");
    refused("holds no config.json; adapter_config.json says that it is an adapter (LoRA)");
  }
  SUBCASE("an adapter with a config.json") {
    fs::rename(folder / "model.safetensors", folder / "adapter_model.safetensors");
    refused("is an adapter (LoRA)");
  }
  SUBCASE("a cache of Hugging Face, from above") {
    fs::create_directories(folder / "snapshots/0123");
    fs::rename(folder / "config.json", folder / "snapshots/0123/config.json");
    refused("snapshots/0123");
  }
  SUBCASE("weights under other names") {
    const std::pair<const char*, const char*> others[] = {
        {"consolidated.safetensors", "consolidated.safetensors has Meta's or Mistral's own names"},
        {"model-00001-of-00001.safetensors", "rename model-00001-of-00001.safetensors, the only shard, to model.safetensors"},
        {"model-00001-of-00003.safetensors", "they need model.safetensors.index.json"},
        {"weights.safetensors", "rename it to model.safetensors"},
        {"model-q4.gguf", "model-q4.gguf is a GGUF file"}};
    fs::path now = folder / "model.safetensors";
    for (const auto& [name, message] : others) {
      fs::rename(now, folder / name);
      now = folder / name;
      refused(message);
    }
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

TEST_CASE("tensors that Transformers drops are dropped") {
  const test::TemporaryFolder folder;
  make_checkpoint(folder.path(), TransformerConfig{});
  const std::vector<float> frequencies(4, 0.5f);
  rewrite(folder.path(),
          [&](auto& tensors) { tensors.push_back(TensorToWrite::from("model.layers.0.self_attn.rotary_emb.inv_freq", {4}, frequencies)); });
  CHECK_NOTHROW(CheckpointFolder{folder.path()});
}

TEST_CASE("a tensor in two shards is refused") {
  const test::TemporaryFolder folder;
  make_checkpoint(folder.path(), TransformerConfig{});
  shard(folder.path());
  const std::vector<float> again(32, 7.0f);
  {
    const SafetensorsFile half(folder / "a.safetensors");
    std::vector<TensorToWrite> tensors{TensorToWrite::from("model.norm.weight", {32}, again)};
    for (const auto& [name, tensor] : half.tensors())
      tensors.push_back({name, tensor.dtype, tensor.shape, [bytes = tensor.bytes](const ByteSink& sink) { sink(bytes); }});
    write_safetensors(folder / "new.safetensors", tensors);
  }
  fs::rename(folder / "new.safetensors", folder / "a.safetensors");
  CHECK_THROWS_WITH_AS(CheckpointFolder{folder.path()}, doctest::Contains("model.norm.weight: is in another shard too"), InputError);
}

// make_checkpoint fills the embedding with zeros.
TEST_CASE("a head beside a tied embedding is compared with it, of whatever type it is") {
  TransformerConfig tied;
  tied.tie_embeddings = true;
  const std::vector<std::int64_t> shape{tied.vocab_size, tied.d_model};
  for (const std::uint16_t bits : {0x0000, 0x3f80}) {
    const test::TemporaryFolder folder;
    make_checkpoint(folder.path(), tied);
    const std::vector<std::uint16_t> head(static_cast<std::size_t>(shape[0] * shape[1]), bits);
    rewrite(folder.path(), [&](auto& tensors) {
      tensors.push_back({"lm_head.weight", "BF16", shape, [&head](const ByteSink& sink) { sink(std::as_bytes(std::span(head))); }});
    });
    if (bits == 0) CHECK_NOTHROW(CheckpointFolder{folder.path()});
    else CHECK_THROWS_WITH_AS(CheckpointFolder{folder.path()}, doctest::Contains("lm_head.weight: is not the embedding"), InputError);
  }
}

TEST_CASE("ids of special tokens are none of the model's business, but for one that it has to start with") {
  std::vector<std::string> notes;
  const std::string text = with(llama(), R"({"image_token_id": 7, "rope_theta": 1e4})").dump();
  parse_model_config(text, "config.json", &notes);
  for (const std::string& note : notes) CHECK_MESSAGE(note.find("image_token_id") == std::string::npos, note);
  CHECK(parse(with(llama(), R"({"bos_token_id": 319})")).bos_token_id == 319);
  CHECK(parse(with(llama(), R"({"bos_token_id": 320})")).bos_token_id == TransformerConfig{}.bos_token_id);
  CHECK(parse(with(of("MistralForCausalLM"), R"({"sliding_window": 64, "max_window_layers": 28})")).sliding_window == 64);
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
}

TEST_CASE("shards may be links, to a cache's blobs or to another disk") {
  const test::TemporaryFolder parent;
  const fs::path folder = parent / "models--x" / "snapshots" / "0123";
  make_checkpoint(folder, TransformerConfig{});
  shard(folder);
  const auto link = [&](const char* name, const fs::path& real, const fs::path& target) {
    fs::create_directories(real.parent_path());
    fs::rename(folder / name, real);
    fs::create_symlink(target, folder / name);
  };
  link("a.safetensors", parent / "models--x" / "blobs" / "a", "../../blobs/a");
  link("b.safetensors", parent / "elsewhere" / "b", parent / "elsewhere" / "b");
  link("config.json", parent / "elsewhere" / "c", parent / "elsewhere" / "c");
  CHECK(CheckpointFolder(folder).config() == TransformerConfig{});
  fs::remove(parent / "models--x" / "blobs" / "a");
  CHECK_THROWS_WITH_AS(CheckpointFolder{folder}, doctest::Contains("a.safetensors: is a link to ../../blobs/a, which is not there"),
                       InputError);
}
