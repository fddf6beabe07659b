// config.json -> TransformerConfig. What Transformers computes for these classes is the reference; a key that would change it is never
// ignored.
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/json_settings.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace {

enum class Biases { never, qkv, by_key };              ///< by_key: attention_bias switches biases on q, k, v and o
enum class Window { never, all_layers, layers_from };  ///< layers_from: use_sliding_window, from layer max_window_layers on

/// What differs between the classes, with the defaults their configuration classes have for absent keys.
struct Architecture {
  std::string_view name;
  std::string_view model_type;
  Biases biases;
  Window window;
  QkNorm qk_norm;
  int head_dim;  ///< 0: hidden_size / num_attention_heads
  int max_positions;
};

constexpr Architecture architectures[] = {
    {"LlamaForCausalLM", "llama", Biases::by_key, Window::never, QkNorm::none, 0, 2048},
    {"MistralForCausalLM", "mistral", Biases::never, Window::all_layers, QkNorm::none, 0, 131072},
    {"Qwen2ForCausalLM", "qwen2", Biases::qkv, Window::layers_from, QkNorm::none, 0, 32768},
    {"Qwen3ForCausalLM", "qwen3", Biases::by_key, Window::layers_from, QkNorm::head, 128, 32768},
};
constexpr std::string_view own_architecture = "AblateForCausalLM";
constexpr int default_window = 4096;  // of every class that knows sliding_window, if the file doesn't mention it

/// Keys that do not change what the forward pass computes from given weights.
// clang-format off
constexpr std::string_view harmless[] = {
    "_attn_implementation", "_attn_implementation_autoset", "_commit_hash", "_from_model_config", "_name_or_path", "ablate",
    "architectures", "attn_implementation", "bad_words_ids", "begin_suppress_tokens", "bos_token", "chunk_size_feed_forward",
    "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype", "early_stopping", "encoder_no_repeat_ngram_size", "eos_token",
    "exponential_decay_length_penalty", "finetuning_task", "id2label", "initializer_range", "keys_to_ignore_at_inference", "label2id",
    "length_penalty", "license", "max_length", "max_new_tokens", "max_sequence_length", "min_length", "model_name", "model_type",
    "name_or_path", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions",
    "output_hidden_states", "output_scores", "pad_token", "prefix", "pretraining_tp", "problem_type", "remove_invalid_values",
    "repetition_penalty", "return_dict", "return_dict_in_generate", "suppress_tokens", "task_specific_params", "temperature",
    "tf_legacy_loss", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p", "unk_token",
    "unsloth_fixed", "unsloth_version", "use_bfloat16", "use_cache"};
// clang-format on

/// Keys that say that something is not done, as long as they have this value.
constexpr std::pair<std::string_view, bool> switches[] = {
    {"mlp_bias", false},  {"is_encoder_decoder", false}, {"add_cross_attention", false}, {"tie_encoder_decoder", false},
    {"use_mrope", false}, {"is_decoder", false},         {"rope_interleaved", false},    {"use_return_dict", true}};

bool is_harmless(std::string_view key) {
  return std::find(std::begin(harmless), std::end(harmless), key) != std::end(harmless) || key.ends_with("_token_id") ||
         key.ends_with("_dropout") || key.ends_with("_pdrop");
}

const Architecture& find_architecture(Settings& json) {
  const auto names = json.get<std::vector<std::string>>("architectures", {});
  const std::string type = json.get("model_type", "");
  for (const Architecture& a : architectures)
    if (names.empty() ? a.model_type == type : names.size() == 1 && a.name == names[0]) return a;
  std::vector<std::string_view> known;
  for (const Architecture& a : architectures) known.push_back(a.name);
  bad_input("{}: expected one of {}, {}, found {}", json.where("architectures"), fmt::join(known, ", "), own_architecture,
            names.empty() ? fmt::format("none, and model_type \"{}\"", type) : fmt::format("{}", fmt::join(names, ", ")));
}

void read_sizes(Settings& json, const Architecture& a, TransformerConfig& c) {
  c.vocab_size = json.get<int>("vocab_size");
  c.d_model = json.get<int>("hidden_size");
  c.n_layers = json.get<int>("num_hidden_layers");
  c.n_heads = json.get<int>("num_attention_heads");
  c.n_kv_heads = a.model_type == "llama" ? json.get<int>("num_key_value_heads", c.n_heads) : json.get<int>("num_key_value_heads");
  c.d_ffn = json.get<int>("intermediate_size");
  c.max_seq_len = json.get<int>("max_position_embeddings", a.max_positions);
  c.norm_eps = json.get<double>("rms_norm_eps", 1e-6);
  c.tie_embeddings = json.get<bool>("tie_word_embeddings", false);
  if (json.has("head_dim") || a.head_dim > 0) {
    c.head_dim = json.get<int>("head_dim", a.head_dim);
  } else {
    require(c.n_heads > 0 && c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads", json.where("hidden_size"), c.d_model,
            c.n_heads);
    c.head_dim = c.d_model / c.n_heads;
  }
  // Some files list several ids, or one that is no token: neither can start a window.
  const Value* bos = json.raw("bos_token_id");
  if (const auto* id = bos ? bos->as<std::int64_t>() : nullptr; id && *id >= 0 && *id < c.vocab_size)
    c.bos_token_id = static_cast<int>(*id);
}

void read_activation(Settings& json) {
  const std::string activation = json.get("hidden_act", "silu");
  require(activation == "silu" || activation == "swish", "{}: expected silu, found \"{}\"", json.where("hidden_act"), activation);
}

/// One spelling of the rotary settings: `rope_scaling` until Transformers 4, `rope_parameters`, with rope_theta inside, since.
void read_rope(Settings rope, TransformerConfig& c) {
  c.rope_theta = rope.get<double>("rope_theta", c.rope_theta);
  const double partial = rope.get<double>("partial_rotary_factor", 1.0);
  require(partial == 1.0, "{}: rotating only a part of each head ({}) is not supported", rope.where("partial_rotary_factor"), partial);
  const std::string key = rope.has("rope_type") ? "rope_type" : "type";
  const std::string kind = rope.get(key, "default");
  rope.get("type", kind);  // some files give both
  require(kind == "default" || kind == "linear" || kind == "llama3", "{}: expected default, linear or llama3, found \"{}\"",
          rope.where(key), kind);
  RopeScaling& s = c.rope_scaling;
  if (kind == "default") {
    s = {};
    rope.get<double>("factor", 1.0);
    return;
  }
  s.factor = rope.get<double>("factor");
  s.kind = kind == "linear" ? RopeScalingKind::linear : RopeScalingKind::llama3;
  if (kind == "linear") rope.get<int>("original_max_position_embeddings", 0);  // information only: linear scaling has no context to know
  else {
    s.low_freq_factor = rope.get<double>("low_freq_factor");
    s.high_freq_factor = rope.get<double>("high_freq_factor");
    s.original_max_position_embeddings = rope.get<int>("original_max_position_embeddings");
  }
}

void read_positions(Settings& json, TransformerConfig& c) {
  c.rope_theta = json.get<double>("rope_theta", 10000.0);
  const double partial = json.get<double>("partial_rotary_factor", 1.0);
  require(partial == 1.0, "{}: rotating only a part of each head ({}) is not supported", json.where("partial_rotary_factor"), partial);
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (json.has(key)) read_rope(json.table(key), c);
}

void read_biases(Settings& json, const Architecture& a, TransformerConfig& c) {
  const bool key = json.get<bool>("attention_bias", a.biases == Biases::qkv);
  require(a.biases != Biases::never || !key, "{}: {} has no attention biases", json.where("attention_bias"), a.name);
  c.qkv_bias = a.biases == Biases::qkv || key;
  c.o_bias = a.biases == Biases::by_key && key;
}

/// The first layer whose attention is windowed; n_layers if there is none.
int first_windowed_layer(Settings& json, const Architecture& a, int n_layers) {
  if (a.window == Window::never) return n_layers;
  if (a.window == Window::all_layers) return 0;
  const int from = json.get<int>("max_window_layers", 28);
  return json.get<bool>("use_sliding_window", false) ? std::clamp(from, 0, n_layers) : n_layers;
}

/// 0, or the window of all layers.
int read_window(Settings& json, const Architecture& a, int n_layers, bool window_is_null) {
  int first = first_windowed_layer(json, a, n_layers);
  const int window = a.window == Window::never ? 0 : json.get<int>("sliding_window", window_is_null ? 0 : default_window);
  if (window == 0) first = n_layers;
  if (const auto types = json.get<std::vector<std::string>>("layer_types", {}); !types.empty()) {
    std::vector<std::string> expected(static_cast<std::size_t>(first), "full_attention");
    expected.resize(static_cast<std::size_t>(n_layers), "sliding_attention");
    require(types == expected, "{}: expected {} layers of full_attention and {} of sliding_attention, found {}", json.where("layer_types"),
            first, n_layers - first, fmt::join(types, ", "));
  }
  require(first == 0 || first == n_layers, "{}: a sliding window in some of the layers only (from layer {} on) is not supported",
          json.where("max_window_layers"), first);
  return first == 0 ? window : 0;
}

void refuse_the_rest(Settings& json) {
  for (const auto& [key, value] : switches)
    if (json.has(key)) require(json.get<bool>(key, value) == value, "{}: {} is not supported", json.where(key), !value);
  if (json.has("quantization_config") || json.has("compression_config"))
    bad_input("{}: quantized weights are not supported",
              json.where(json.has("quantization_config") ? "quantization_config" : "compression_config"));
  for (const std::string& key : json.keys())
    if (is_harmless(key)) json.raw(key);
  json.reject_unused();
}

TransformerConfig parse_huggingface(Settings& json, bool window_is_null) {
  const Architecture& a = find_architecture(json);
  TransformerConfig c;
  c.qk_norm = a.qk_norm;
  read_sizes(json, a, c);
  read_activation(json);
  read_positions(json, c);
  read_biases(json, a, c);
  c.sliding_window = read_window(json, a, c.n_layers, window_is_null);
  refuse_the_rest(json);
  return c;
}

TransformerConfig parse_own(Settings& json) {
  require(json.has("ablate"), "{}: expected the table of an {}", json.where("ablate"), own_architecture);
  Settings table = json.table("ablate");
  const TransformerConfig c = TransformerConfig::from(table);
  table.reject_unused();
  return c;
}

}  // namespace

TransformerConfig parse_model_config(std::string_view text, std::string_view where) {
  std::vector<std::string> nulls;
  Settings json = settings_from_json(text, std::string(where), &nulls);
  if (json.get<std::vector<std::string>>("architectures", {}) == std::vector<std::string>{std::string(own_architecture)})
    return parse_own(json);
  const TransformerConfig c = parse_huggingface(json, std::find(nulls.begin(), nulls.end(), "sliding_window") != nulls.end());
  c.validate([&](std::string_view key) { return fmt::format("{}: {}", where, key); });
  return c;
}

}  // namespace ablate
