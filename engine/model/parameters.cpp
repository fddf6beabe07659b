#include "model/parameters.h"

#include "base/error.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace ablate {
namespace {

/// Kinds by name. Built on first use: registrations run before main in no particular order.
template <class Kind>
std::map<std::string, Kind, std::less<>>& registry() {
  static std::map<std::string, Kind, std::less<>> kinds;
  return kinds;
}

template <class Kind>
const Kind& find_kind(std::string_view key, std::string_view name) {
  const auto& kinds = registry<Kind>();
  const auto found = kinds.find(name);
  if (found == kinds.end()) {
    std::vector<std::string_view> known;
    for (const auto& [kind, unused] : kinds) known.push_back(kind);
    bad_input("model.{}: unknown kind \"{}\"; known: {}", key, name, fmt::join(known, ", "));
  }
  return found->second;
}

/// Collects the parameters in the order the model uses them.
class Collector {
 public:
  explicit Collector(const TransformerConfig& config) : c(config) {}

  std::vector<ParameterSpec> all() {
    add("model.embed_tokens.weight", {c.vocab_size, c.embedding_width()}, ParameterKind::embedding);
    if (c.embedding_dim > 0) add("model.project_in.weight", {c.d_model, c.embedding_dim}, ParameterKind::linear);
    if (c.position == Position::learned)
      add("model.embed_positions.weight", {c.max_seq_len + c.position_offset, c.d_model}, ParameterKind::position);
    for (int i = 0; i < c.n_layers; ++i) layer(i, fmt::format("model.layers.{}.", i));
    norm("model.norm", c.d_model, c.final_alpha, c.final_norm_kind());
    if (c.embedding_dim > 0) add("model.project_out.weight", {c.embedding_dim, c.d_model}, ParameterKind::linear);
    if (!c.tie_embeddings) add("lm_head.weight", {c.vocab_size, c.embedding_width()}, ParameterKind::head);
    return std::move(specs);
  }

 private:
  void add(std::string name, std::vector<std::int64_t> shape, ParameterKind kind) {
    specs.push_back({std::move(name), std::move(shape), kind});
  }

  void append(std::vector<ParameterSpec> more) {
    for (ParameterSpec& spec : more) specs.push_back(std::move(spec));
  }

  void norm(const std::string& prefix, std::int64_t width, double alpha, const std::string& kind) {
    append(norm_parameters(kind, {c, prefix, width, alpha}));
  }
  void norm(const std::string& prefix, std::int64_t width, double alpha) { norm(prefix, width, alpha, c.norm); }

  void layer(int index, const std::string& p) {
    if (c.attn_input_norm) norm(p + "input_layernorm", c.d_model, c.attn_alpha);
    if (c.attends(index)) attention(p + "self_attn.");
    else append(mixer_parameters(c, index, p + "linear_attn."));
    if (c.output_norm) norm(p + "attn_output_layernorm", c.d_model, c.attn_alpha);
    if (c.post_norm) norm(p + "post_attn_layernorm", c.d_model, c.attn_alpha);
    if (!c.has_ffn()) return;
    if (c.ffn_input_norm) norm(p + "post_attention_layernorm", c.d_model, c.ffn_alpha);
    if (c.second_is_attention()) attention(p + "mlp.");
    else append(ffn_parameters(c, index, p + "mlp."));
    if (c.output_norm) norm(p + "ffn_output_layernorm", c.d_model, c.ffn_alpha);
    if (c.post_norm) norm(p + "post_ffn_layernorm", c.d_model, c.ffn_alpha);
  }

  void projection(const std::string& name, std::int64_t out, std::int64_t in, ParameterKind kind, bool bias) {
    add(name + ".weight", {out, in}, kind);
    if (bias) add(name + ".bias", {out}, ParameterKind::linear_bias);
  }

  void attention(const std::string& a) {
    const std::int64_t query_width = std::int64_t{c.n_heads} * c.head_dim, key_width = std::int64_t{c.n_kv_heads} * c.head_dim;
    projection(a + "q_proj", query_width, c.d_model, ParameterKind::linear, c.qkv_bias);
    projection(a + "k_proj", key_width, c.d_model, ParameterKind::linear, c.qkv_bias);
    projection(a + "v_proj", key_width, c.d_model, ParameterKind::linear, c.qkv_bias);
    projection(a + "o_proj", c.d_model, query_width, ParameterKind::residual_linear, c.o_bias);
    if (c.qk_norm != QkNorm::none) {
      const bool head = c.qk_norm == QkNorm::head;
      norm(a + "q_norm", head ? c.head_dim : query_width, c.attn_alpha);
      norm(a + "k_norm", head ? c.head_dim : key_width, c.attn_alpha);
    }
    if (c.value_gate != "none") {
      TransformerConfig values = c;  // as many heads as there are values
      values.n_heads = c.n_kv_heads;
      add(a + "value_gate_proj.weight", {find_kind<GateWidth>("value_gate", c.value_gate)(values), c.d_model}, ParameterKind::linear);
    }
    if (c.attention_bias == AttentionBias::sink_logit) add(a + "sinks", {c.n_heads}, ParameterKind::sink_logit);
    if (c.attention_bias == AttentionBias::k || c.attention_bias == AttentionBias::kv)
      add(a + "k_bias", {c.n_kv_heads, c.head_dim}, ParameterKind::attention_bias);
    if (c.attention_bias == AttentionBias::kv) add(a + "v_bias", {c.n_kv_heads, c.head_dim}, ParameterKind::attention_bias);
    gate(a);
  }

  void gate(const std::string& a) {
    if (c.gate == "none") return;
    const std::int64_t width = gate_width(c);
    switch (c.gate_input) {
      case GateInput::hidden:
      case GateInput::embedding: return add(a + "gate_proj.weight", {width, c.d_model}, ParameterKind::linear);
      case GateInput::constant: return add(a + "gate", {width}, ParameterKind::gate);
      case GateInput::position: return add(a + "gate", {c.max_seq_len, width}, ParameterKind::gate);
    }
  }

  const TransformerConfig& c;
  std::vector<ParameterSpec> specs;
};

}  // namespace

std::int64_t ParameterSpec::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::vector<ParameterSpec> parameters(const TransformerConfig& config) { return Collector(config).all(); }

std::int64_t parameter_count(const TransformerConfig& config) {
  std::int64_t count = 0;
  for (const ParameterSpec& spec : parameters(config)) count += spec.elements();
  return count;
}

NormParametersRegistration::NormParametersRegistration(std::string kind, NormParameters parameters) {
  registry<NormParameters>()[std::move(kind)] = std::move(parameters);
}

GateWidthRegistration::GateWidthRegistration(std::string kind, GateWidth width) {
  registry<GateWidth>()[std::move(kind)] = std::move(width);
}

FfnParametersRegistration::FfnParametersRegistration(std::string kind, FfnParameters parameters) {
  registry<FfnParameters>()[std::move(kind)] = std::move(parameters);
}

MixerParametersRegistration::MixerParametersRegistration(std::string kind, MixerParameters parameters) {
  registry<MixerParameters>()[std::move(kind)] = std::move(parameters);
}

void add_norm_parameters(RegistrationScope& scope, const std::string& kind, NormParameters parameters) {
  scope.set(registry<NormParameters>(), kind, std::move(parameters));
}

void add_gate_width(RegistrationScope& scope, const std::string& kind, GateWidth width) {
  scope.set(registry<GateWidth>(), kind, std::move(width));
}

void add_ffn_parameters(RegistrationScope& scope, const std::string& kind, FfnParameters parameters) {
  scope.set(registry<FfnParameters>(), kind, std::move(parameters));
}

std::vector<ParameterSpec> norm_parameters(std::string_view kind, const NormPlace& place) {
  return find_kind<NormParameters>("norm", kind)(place);
}

std::int64_t gate_width(const TransformerConfig& config) { return find_kind<GateWidth>("gate", config.gate)(config); }

std::vector<ParameterSpec> ffn_parameters(const TransformerConfig& config, int layer, const std::string& prefix) {
  return find_kind<FfnParameters>("ffn", config.ffn[layer])(config, layer, prefix);
}

std::vector<ParameterSpec> mixer_parameters(const TransformerConfig& config, int layer, const std::string& prefix) {
  return find_kind<MixerParameters>("mixer", config.mixer[layer])(config, prefix);
}

}  // namespace ablate
