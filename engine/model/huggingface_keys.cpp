#include "model/huggingface_keys.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace {

/// Keys of many files that say nothing about what the forward pass computes from given weights.
// clang-format off
constexpr std::string_view common[] = {
    "_attn_implementation", "_attn_implementation_autoset", "_commit_hash", "_from_model_config", "_name_or_path", "ablate",
    "architectures", "attn_implementation", "bad_words_ids", "begin_suppress_tokens", "bos_token", "chunk_size_feed_forward",
    "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype", "early_stopping", "encoder_no_repeat_ngram_size", "eos_token",
    "exponential_decay_length_penalty", "finetuning_task", "id2label", "initializer_range", "is_decoder", "keys_to_ignore_at_inference",
    "label2id", "length_penalty", "license", "max_length", "max_new_tokens", "max_sequence_length", "min_length", "model_name",
    "model_type", "name_or_path", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions",
    "output_hidden_states", "output_scores", "pad_token", "prefix", "pretraining_tp", "problem_type", "remove_invalid_values",
    "repetition_penalty", "return_dict", "return_dict_in_generate", "suppress_tokens", "task_specific_params", "temperature",
    "tf_legacy_loss", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p", "unk_token",
    "unsloth_fixed", "unsloth_version", "use_bfloat16", "use_cache"};

/// What a key's name holds when it changes the arithmetic of the models that have it: Granite's multipliers, Gemma's caps, Cohere's
/// logit_scale, MiniCPM's scale_emb, partial rotations, experts, biases, norms, other activations, adapters, quantization.
constexpr std::string_view arithmetic[] = {
    "activation", "adapter", "alibi", "attention", "attn", "bias", "clip", "embedding_type", "expert", "hadamard", "hidden_act", "lora",
    "mlp_type", "moe", "mrope", "multiplier", "mup", "norm", "parallel_residual", "parallel_attn", "parallel_block", "quant", "residual",
    "rope_", "_rope", "rotary", "router", "scale", "scaling", "sink", "softcap", "sparse", "tie_", "window"};

/// Names that hold such a word, of things that leave the numbers as they are: how a kernel is chosen, training, and what no class reads.
constexpr std::string_view exceptions[] = {
    "dropout", "renormalize", "flash", "implementation", "layer_norm_eps", "layernorm_eps", "norm_epsilon", "gradient", "output_", "grad_",
    "_hash", "is_llama_config", "js_config"};
// clang-format on

/// Values under which such a key names what the model does anyway.
constexpr std::string_view usual_values[] = {"silu", "swish", "rope", "rotary", "rmsnorm", "default", "full"};

bool holds_one_of(std::string_view key, const auto& words) {
  return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) { return key.find(word) != key.npos; });
}

bool is_common(std::string_view key) {
  return std::find(std::begin(common), std::end(common), key) != std::end(common) || key.ends_with("_token_id") ||
         key.ends_with("_dropout") || key.ends_with("_pdrop");
}

bool changes_arithmetic(std::string_view key, const Value& value) {
  if (is_off(value) || !holds_one_of(key, arithmetic) || holds_one_of(key, exceptions)) return false;
  const auto* name = value.as<std::string>();
  if (name && std::find(std::begin(usual_values), std::end(usual_values), *name) != std::end(usual_values)) return false;
  const bool factor = holds_one_of(key, std::initializer_list<std::string_view>{"multiplier", "scale", "scaling"});
  const auto* integer = value.as<std::int64_t>();
  const auto* number = value.as<double>();
  return !(factor && ((integer && *integer == 1) || (number && *number == 1.0)));
}

}  // namespace

bool is_off(const Value& value) {
  if (const auto* flag = value.as<bool>()) return !*flag;
  if (const auto* integer = value.as<std::int64_t>()) return *integer == 0;
  if (const auto* number = value.as<double>()) return *number == 0.0;
  if (const auto* text = value.as<std::string>()) return text->empty();
  if (const auto* array = value.as<Value::Array>()) return array->empty();
  if (const auto* table = value.as<Value::Table>()) return table->empty();
  return true;
}

void settle_other_keys(Settings& json, std::string_view file, std::string_view architecture, std::span<const std::string_view> read,
                       std::vector<std::string>& notes) {
  std::vector<std::string> left_out;
  for (const std::string& key : json.keys()) {
    if (std::find(read.begin(), read.end(), key) != read.end()) continue;
    const Value& value = *json.raw(key);
    if (is_common(key)) continue;
    require(!changes_arithmetic(key, value), "{}: may change the arithmetic, and {} has no such key: take it out if it means nothing",
            json.where(key), architecture);
    left_out.push_back(key);
  }
  if (!left_out.empty())
    notes.push_back(fmt::format("{}: left out what {} does not read: {}", file, architecture, fmt::join(left_out, ", ")));
}

}  // namespace ablate
