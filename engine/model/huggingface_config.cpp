// config.json -> TransformerConfig. What Transformers computes for these classes is the reference; a key that would change it is never
// ignored.
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/huggingface_keys.h"
#include "model/huggingface_rope.h"
#include "model/json_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

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

/// Keys that say that something is not done, as long as they have this value.
constexpr std::pair<std::string_view, bool> switches[] = {
    {"mlp_bias", false},  {"is_encoder_decoder", false}, {"add_cross_attention", false}, {"tie_encoder_decoder", false},
    {"use_mrope", false}, {"rope_interleaved", false},   {"use_return_dict", true}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// By the class that `architectures` names, or else by model_type; where both are there they must not contradict each other.
const Architecture& find_architecture(Settings& json) {
  const auto names = json.get<std::vector<std::string>>("architectures", {});
  const std::string type = json.get("model_type", "");
  const auto of_type = std::find_if(std::begin(architectures), std::end(architectures), [&](auto& a) { return a.model_type == type; });
  for (const Architecture& a : architectures) {
    if (names.empty() ? a.model_type != type : names.size() != 1 || !equal_ignoring_case(a.name, names[0])) continue;
    require(of_type == std::end(architectures) || of_type->name == a.name, "{}: \"{}\" is not the model_type of {}; keep the right one",
            json.where("model_type"), type, a.name);
    return a;
  }
  std::vector<std::string_view> known;
  for (const Architecture& a : architectures) known.push_back(a.name);
  bad_input("{}: expected one of {}, {}, found {}", json.where("architectures"), fmt::join(known, ", "), own_architecture,
            names.empty() ? fmt::format("none, and model_type \"{}\"", type) : fmt::format("{}", fmt::join(names, ", ")));
}

/// A file being read: its keys, and what is to be said of it.
struct File {
  Settings& json;
  std::string where;
  std::vector<std::string> nulls;  ///< keys that are there without a value
  std::vector<std::string>& notes;

  bool is_null(std::string_view key) const { return std::find(nulls.begin(), nulls.end(), key) != nulls.end(); }

  int count(const char* key, int most) const { return counted(key, json.get<int>(key), most); }
  int count(const char* key, int fallback, int most) const { return counted(key, json.get<int>(key, fallback), most); }

  /// `fallback` is what Transformers takes for a key that is not there.
  template <class T>
  T get_or_note(const char* key, T fallback, const Architecture& a) const {
    if (!json.has(key))
      notes.push_back(fmt::format("{}: no {} is given: {}, Transformers' default for {}, is taken", where, key, fallback, a.name));
    return json.get<T>(key, fallback);
  }

 private:
  int counted(const char* key, int value, int most) const {
    require(value >= 1 && value <= most, "{}: expected 1 to {}, found {}", json.where(key), most, value);
    return value;
  }
};

constexpr int widest = 1 << 24, most_layers = 4096;  // as TransformerConfig::validate has them

/// Absent from a Llama's file, and null in any, it is num_attention_heads.
int read_key_heads(const File& file, const Architecture& a, int n_heads) {
  if (a.model_type == "llama" || file.is_null("num_key_value_heads")) return file.count("num_key_value_heads", n_heads, widest);
  return file.count("num_key_value_heads", widest);
}

void read_sizes(const File& file, const Architecture& a, TransformerConfig& c) {
  Settings& json = file.json;
  c.vocab_size = file.count("vocab_size", widest);
  c.d_model = file.count("hidden_size", widest);
  c.n_layers = file.count("num_hidden_layers", most_layers);
  c.n_heads = file.count("num_attention_heads", widest);
  c.n_kv_heads = read_key_heads(file, a, c.n_heads);
  c.d_ffn = file.count("intermediate_size", widest);
  c.max_seq_len = file.count("max_position_embeddings", a.max_positions, widest);
  c.norm_eps = file.get_or_note("rms_norm_eps", 1e-6, a);
  c.tie_embeddings = json.get<bool>("tie_word_embeddings", false);
  if (json.has("head_dim") || a.head_dim > 0) {
    c.head_dim = file.count("head_dim", a.head_dim, widest);
  } else {
    require(c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads", json.where("hidden_size"), c.d_model, c.n_heads);
    c.head_dim = c.d_model / c.n_heads;
  }
  // Some files list several ids, or one that is no token: neither can start a window (why_no_bos).
  const Value* bos = json.raw("bos_token_id");
  if (const auto* id = bos ? bos->as<std::int64_t>() : nullptr; id && *id >= 0 && *id < c.vocab_size)
    c.bos_token_id = static_cast<int>(*id);
}

void read_activation(Settings& json) {
  const std::string activation = json.get("hidden_act", "silu");
  require(activation == "silu" || activation == "swish", "{}: expected silu, found \"{}\"", json.where("hidden_act"), activation);
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

/// What a class without windows may say about them: that there are none.
void leave_out_window(const File& file, const Architecture& a) {
  const Value* window = file.json.raw("sliding_window");
  require(!window || is_off(*window) || !file.json.get<bool>("use_sliding_window", true),
          "{}: {} has no sliding windows; null, or use_sliding_window = false, says so", file.json.where("sliding_window"), a.name);
  for (const char* key : {"sliding_window", "use_sliding_window", "max_window_layers"})
    if (file.json.has(key)) file.notes.push_back(fmt::format("{}: left out, as {} has no sliding windows", file.json.where(key), a.name));
}

int window_width(const File& file, const Architecture& a) {
  if (a.window == Window::never) return 0;
  if (file.is_null("sliding_window")) return 0;
  if (a.window == Window::layers_from) return file.json.get<int>("sliding_window", default_window);
  const int window = file.get_or_note("sliding_window", default_window, a);
  require(window == 0 || file.json.get<bool>("use_sliding_window", true),
          "{}: false, but sliding_window is {}, which {} always uses; keep the right one (no window: sliding_window = null)",
          file.json.where("use_sliding_window"), window, a.name);
  file.json.raw("max_window_layers");
  return window;
}

/// 0, or the window of all layers.
int read_window(const File& file, const Architecture& a, int n_layers) {
  Settings& json = file.json;
  if (a.window == Window::never) leave_out_window(file, a);
  int first = first_windowed_layer(json, a, n_layers);
  const int window = window_width(file, a);
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

/// Keys that the functions above have asked for. reject_unused finds one that they have not.
constexpr std::string_view keys_read[] = {"architectures",
                                          "attention_bias",
                                          "bos_token_id",
                                          "head_dim",
                                          "hidden_act",
                                          "hidden_size",
                                          "intermediate_size",
                                          "layer_types",
                                          "max_position_embeddings",
                                          "max_window_layers",
                                          "num_attention_heads",
                                          "num_hidden_layers",
                                          "num_key_value_heads",
                                          "partial_rotary_factor",
                                          "rms_norm_eps",
                                          "rope_parameters",
                                          "rope_scaling",
                                          "rope_theta",
                                          "sliding_window",
                                          "tie_word_embeddings",
                                          "use_sliding_window",
                                          "vocab_size"};

void refuse_the_rest(const File& file, const Architecture& a) {
  for (const char* key : {"quantization_config", "compression_config"})
    if (const Value* value = file.json.raw(key); value && !is_off(*value))
      bad_input("{}: quantized weights are not supported; take the model before it was quantized", file.json.where(key));
  for (const auto& [key, value] : switches)
    if (file.json.has(key)) require(file.json.get<bool>(key, value) == value, "{}: {} is not supported", file.json.where(key), !value);
  std::vector<std::string_view> read(std::begin(keys_read), std::end(keys_read));
  read.insert(read.end(), {"quantization_config", "compression_config"});
  for (const auto& [key, value] : switches) read.push_back(key);
  settle_other_keys(file.json, file.where, a.name, read, file.notes);
  file.json.reject_unused();
}

/// The name that a key of `[model]` has in these files.
std::string_view huggingface_name(std::string_view key) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"d_model", "hidden_size"},         {"n_layers", "num_hidden_layers"},
      {"n_heads", "num_attention_heads"}, {"n_kv_heads", "num_key_value_heads"},
      {"d_ffn", "intermediate_size"},     {"max_seq_len", "max_position_embeddings"},
      {"norm_eps", "rms_norm_eps"},       {"tie_embeddings", "tie_word_embeddings"}};
  for (const auto& [ours, theirs] : names)
    if (ours == key) return theirs;
  return key;
}

/// The place of a key of `[model]` in the file: a nested one stands in rope_scaling or in rope_parameters.
std::string place_of(Settings& json, std::string_view key) {
  const std::size_t dot = key.find('.');
  if (dot == key.npos) return json.where(huggingface_name(key));
  return json.table(json.has("rope_scaling") ? "rope_scaling" : "rope_parameters").where(key.substr(dot + 1));
}

TransformerConfig parse_huggingface(const File& file) {
  const Architecture& a = find_architecture(file.json);
  TransformerConfig c;
  c.qk_norm = a.qk_norm;
  read_sizes(file, a, c);
  read_activation(file.json);
  read_huggingface_rope(file.json, file.where, c, file.notes);
  read_biases(file.json, a, c);
  c.sliding_window = read_window(file, a, c.n_layers);
  refuse_the_rest(file, a);
  c.validate([&](std::string_view key) { return place_of(file.json, key); });
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

TransformerConfig parse_model_config(std::string_view text, std::string_view where, std::vector<std::string>* notes) {
  std::vector<std::string> nulls, unused;
  Settings json = settings_from_json(text, std::string(where), &nulls);
  if (json.get<std::vector<std::string>>("architectures", {}) == std::vector<std::string>{std::string(own_architecture)})
    return parse_own(json);
  return parse_huggingface({json, std::string(where), std::move(nulls), notes ? *notes : unused});
}

std::string why_no_bos(std::string_view text, std::string_view where) {
  Settings json = settings_from_json(text, std::string(where));
  const Value* bos = json.raw("bos_token_id");
  if (!bos) return fmt::format("{} names no beginning-of-sequence token (bos_token_id)", where);
  if (const auto* ids = bos->as<Value::Array>())
    return fmt::format("{} lists {} ids, no single one", json.where("bos_token_id"), ids->size());
  return fmt::format("{} = {} is no id below vocab_size", json.where("bos_token_id"), to_text(*bos));
}

}  // namespace ablate
