// Models of several modalities: their language model's configuration, and what is refused.
#include "model/checkpoint.h"

#include "base/error.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace ablate;
using Json = nlohmann::json;

namespace {

TransformerConfig parse(const Json& json, std::vector<std::string>* notes = nullptr) {
  return parse_model_config(json.dump(), "config.json", notes);
}

void refuses(const Json& json, const char* message) {
  CAPTURE(json.dump());
  CHECK_THROWS_WITH_AS(parse(json), doctest::Contains(message), InputError);
}

/// As google/gemma-3-4b-pt has it: what is as the class has it is not there.
Json gemma3() {
  return Json::parse(R"({"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999, "eos_token_id": [1, 106],
    "image_token_index": 262144, "initializer_range": 0.02, "mm_tokens_per_image": 256, "model_type": "gemma3",
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
      "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
    "torch_dtype": "bfloat16", "transformers_version": "4.50.0",
    "vision_config": {"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304, "model_type": "siglip_vision_model",
      "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14, "vision_use_head": false}})");
}

/// As llava-hf/llava-1.5-7b-hf has it.
Json llava() {
  return Json::parse(
      R"({"architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": 32000, "model_type": "llava",
    "pad_token_id": 32001, "projector_hidden_act": "gelu", "text_config": {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 4096,
      "model_type": "llama", "rms_norm_eps": 1e-05, "torch_dtype": "float16", "vocab_size": 32064},
    "tie_word_embeddings": false, "torch_dtype": "float16", "vision_config": {"hidden_size": 1024}, "vision_feature_layer": -2})");
}

}  // namespace

TEST_CASE("the text part of a Gemma 3 has its class's sizes where it says none") {
  std::vector<std::string> notes;
  const TransformerConfig c = parse(gemma3(), &notes);
  CHECK(c.origin.name == "Gemma3ForCausalLM");
  CHECK(c.vocab_size == 262208);
  CHECK(c.d_model == 2560);
  CHECK(c.n_layers == 34);
  CHECK(c.n_heads == 8);
  CHECK(c.n_kv_heads == 4);
  CHECK(c.head_dim == 256);
  CHECK(c.d_ffn == 10240);
  CHECK(c.tie_embeddings);
  CHECK(c.embedding_scale == 50.5);  // of bf16
  CHECK(c.sliding_window[4] == 1024);
  CHECK(c.sliding_window[5] == 0);
  CHECK(c.rope_theta[5] == 1e6);
  CHECK(c.rope_theta[0] == 1e4);
  CHECK(c.rope_scaling[5].factor == 8.0);
  CHECK(c.rope_scaling[0].kind == RopeScalingKind::none);
  const auto said = [&](const char* text) {
    return std::any_of(notes.begin(), notes.end(), [&](auto& note) { return note.find(text) != note.npos; });
  };
  CHECK(said("left out: boi_token_index, eos_token_id, image_token_index, initializer_range, mm_tokens_per_image, vision_config"));
  CHECK(said("no num_attention_heads is given: 8, Transformers' default for Gemma3ForCausalLM, is taken"));
}

TEST_CASE("a file of its own must say its sizes") {
  Json json = gemma3()["text_config"];
  json["architectures"] = {"Gemma3ForCausalLM"};
  refuses(json, "vocab_size");
}

TEST_CASE("the text part of a LLaVA is any language model") {
  const TransformerConfig c = parse(llava());
  CHECK(c.origin.name == "LlamaForCausalLM");
  CHECK(c.d_model == 4096);
  CHECK(c.d_ffn == 11008);
  CHECK(c.n_kv_heads == 32);
  CHECK(c.vocab_size == 32064);
  Json mistral = llava();
  mistral["text_config"] = {{"model_type", "mistral"}, {"rms_norm_eps", 1e-5}, {"vocab_size", 32000}, {"sliding_window", nullptr}};
  CHECK(parse(mistral).n_kv_heads == 8);
  CHECK(parse(mistral).sliding_window == PerLayer<int>(0));  // null in the inner table
  mistral["text_config"].erase("model_type");
  CHECK(parse(mistral).origin.name == "LlamaForCausalLM");
}

TEST_CASE("the head is tied as the whole model says, in LLaVA as either says") {
  for (const char* name : {"LlavaForConditionalGeneration", "LlavaNextForConditionalGeneration", "Mistral3ForConditionalGeneration"})
    for (const bool whole : {false, true})
      for (const bool part : {false, true}) {
        CAPTURE(name);
        CAPTURE(whole);
        CAPTURE(part);
        Json json = llava();
        json["architectures"] = {name};
        json["tie_word_embeddings"] = whole, json["text_config"]["tie_word_embeddings"] = part;
        std::vector<std::string> notes;
        const bool either = std::string(name) == "LlavaForConditionalGeneration", tied = whole || (either && part);
        CHECK(parse(json, &notes).tie_embeddings == tied);
        const bool said = std::any_of(notes.begin(), notes.end(), [](auto& note) { return note.find("which counts") != note.npos; });
        CHECK(said == (tied != part));
      }
}

TEST_CASE("what a model of several modalities may not say") {
  Json json = llava();
  json["text_config"] = "llama";
  refuses(json, "text_config: expected a table, found a string");
  json = llava();
  json["text_config"]["rope_scaling"] = {{"rope_type", "strange"}, {"factor", 2}};
  refuses(json, "strange");
  json = llava();
  json["text_config"]["residual_multiplier"] = 0.3;
  refuses(json, "residual_multiplier: may change the arithmetic");
  json = llava();
  json["quantization_config"] = {{"quant_method", "awq"}};
  refuses(json, "quantized weights are not supported");
  json = llava();
  json["text_config"]["model_type"] = "mllama_text_model";
  refuses(json, "mllama_text_model");
  json = llava();
  json["architectures"] = {"PaliGemmaForConditionalGeneration"};
  refuses(json, "of which the language model alone is read: of ");
  json = llava();
  json.erase("architectures");
  CHECK(parse(json).origin.name == "LlamaForCausalLM");  // by model_type
}
