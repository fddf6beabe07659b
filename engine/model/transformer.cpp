#include "model/transformer.h"

#include "model/feed_forward.h"
#include "model/rope.h"
#include "ops/add.h"
#include "ops/bias.h"
#include "ops/embedding.h"
#include "ops/gate.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace ablate {
namespace {

std::string layer_name(int layer) { return "layer." + std::to_string(layer); }
std::string layer_prefix(int layer) { return "model.layers." + std::to_string(layer) + "."; }

}  // namespace

Transformer::Transformer(Graph& graph, ParameterTensors& parameters, std::uint32_t max_positions, const Hooks& hooks, DType activations)
    : graph_(graph), parameters_(parameters), config_(parameters.config()), hooks_(hooks), activations_(activations) {
  if (config_.position == Position::rope)
    rope_table_ = graph.constant("rotations", {max_positions, static_cast<std::uint32_t>(config_.head_dim)},
                                 rope_table(max_positions, rope_frequencies(config_)));
}

Tensor Transformer::hook(const std::string& name, const Tensor& x) { return hooks_.at ? hooks_.at(graph_, name, x) : x; }

Tensor Transformer::norm(const Tensor& x, const std::string& parameter, const std::string& hook_name, std::string kind) {
  if (kind.empty()) kind = config_.norm;
  const bool swapped = hooks_.norm_kind && hooks_.norm_kind(hook_name, kind) != kind;
  if (swapped) kind = hooks_.norm_kind(hook_name, kind);
  const auto find = [&](const std::string& name) {
    if (parameters_.has(parameter + "." + name)) return parameters_[parameter + "." + name];
    return swapped && name == "alpha" ? graph_.constant("alpha", {1}, {1.0f}) : Tensor();
  };
  return Norms::find("norm", kind).apply(graph_, {x, find, static_cast<float>(config_.norm_eps)});
}

Tensor Transformer::embed(const Tensor& ids) {
  const Graph::Scope scope(graph_, "embedding");
  embedded_ = embedding(graph_, ids, parameters_.matrix("model.embed_tokens.weight"), activations_);
  return config_.position == Position::learned ? add_positions(graph_, embedded_, parameters_["model.embed_positions.weight"]) : embedded_;
}

Tensor Transformer::hidden(const Tensor& ids) {
  Tensor h = hook("residual.0", embed(ids));
  for (int layer = 0; layer < config_.n_layers; ++layer) {
    h = block(h, layer, false);
    if (config_.has_ffn()) h = block(h, layer, true);
  }
  const Graph::Scope scope(graph_, "final_norm");
  return hook("final_norm", norm(h, "model.norm", "final_norm", config_.final_norm_kind()));
}

// h: (B, T, D). A layer's first block is attention, its second the feed-forward.
Tensor Transformer::block(const Tensor& h, int layer, bool second) {
  const std::string number = std::to_string(++blocks_), place = second ? "ffn" : "attn", prefix = layer_prefix(layer);
  const Graph::Scope scope(graph_, layer_name(layer) + "." + place);
  const std::string norm_name = layer_name(layer) + "." + place + "_norm";
  const bool input_norm = second ? config_.ffn_input_norm : config_.attn_input_norm;
  const Tensor x = hook(norm_name, input_norm ? norm(h, prefix + (second ? "post_attention_layernorm" : "input_layernorm"), norm_name) : h);

  // The sum with the residual stream rides in the last product unless something has to see or change the block's output first.
  const bool watched = hooks_.at || hooks_.skip_block;
  const bool fused = !config_.output_norm && !watched;
  Tensor out = block_output(x, fused ? h : Tensor(), layer, second);
  if (config_.output_norm) out = norm(out, prefix + place + "_output_layernorm", layer_name(layer) + "." + place + "_output_norm");
  out = hook("block." + number, out);
  const bool skipped = hooks_.skip_block && hooks_.skip_block(blocks_);
  Tensor sum = fused ? out : skipped ? h : add(graph_, h, out);
  if (config_.post_norm) sum = norm(sum, prefix + "post_" + place + "_layernorm", layer_name(layer) + "." + place + "_post_norm");
  return hook("residual." + number, sum);
}

Tensor Transformer::block_output(const Tensor& x, const Tensor& residual, int layer, bool second) {
  const std::string prefix = layer_prefix(layer), name = layer_name(layer);
  if (!second) return attention_block(x, residual, prefix + "self_attn.", name + ".attn");
  if (config_.ffn == "attention") return attention_block(x, residual, prefix + "mlp.", name + ".ffn");
  const auto parameter = [this, prefix](const std::string& which) { return parameters_.matrix(prefix + "mlp." + which); };
  const auto listen = [this, name](const std::string& which, const Tensor& t) { return hook(name + ".ffn." + which, t); };
  return FeedForwards::find("feed-forward", config_.ffn)(graph_, {x, residual, parameter, listen});
}

Tensor Transformer::projection(const Tensor& x, const std::string& prefix, const std::string& which) {
  const Tensor y = linear(graph_, x, parameters_.matrix(prefix + which + "_proj.weight"));
  return config_.qkv_bias ? add_bias(graph_, y, parameters_[prefix + which + "_proj.bias"]) : y;
}

// x: (B, T, H * hd). QK norm over each head, or over all of them together.
Tensor Transformer::heads_norm(const Tensor& x, const std::string& parameter) {
  if (config_.qk_norm == QkNorm::none) return x;
  if (config_.qk_norm == QkNorm::full) return norm(x, parameter, parameter);
  const auto head_dim = static_cast<std::uint32_t>(config_.head_dim);
  const Tensor heads = graph_.reshape(x, {x.dim(0), x.dim(1), x.dim(2) / head_dim, head_dim});
  return graph_.reshape(norm(heads, parameter, parameter), x.shape);
}

Tensor Transformer::gate_logits(const Tensor& x, const std::string& prefix) {
  switch (config_.gate_input) {
    case GateInput::hidden: return linear(graph_, x, parameters_.matrix(prefix + "gate_proj.weight"));
    case GateInput::embedding: return linear(graph_, embedded_, parameters_.matrix(prefix + "gate_proj.weight"));
    case GateInput::constant:
    case GateInput::position: return parameters_[prefix + "gate"];
  }
  return {};
}

Tensor Transformer::attention_block(const Tensor& x, const Tensor& residual, const std::string& prefix, const std::string& name) {
  Tensor q = heads_norm(projection(x, prefix, "q"), prefix + "q_norm"), k = heads_norm(projection(x, prefix, "k"), prefix + "k_norm");
  const auto head_dim = static_cast<std::uint32_t>(config_.head_dim);
  if (rope_table_) {
    q = rope(graph_, q, head_dim, rope_table_);
    k = rope(graph_, k, head_dim, rope_table_);
  }
  q = hook(name + ".q", q);
  k = hook(name + ".k", k);
  const Tensor v = hook(name + ".v", projection(x, prefix, "v"));

  AttentionOptions options;
  options.heads = static_cast<std::uint32_t>(config_.n_heads);
  options.kv_heads = static_cast<std::uint32_t>(config_.n_kv_heads);
  options.head_dim = head_dim;
  options.score = config_.attention;
  options.window = static_cast<std::uint32_t>(config_.sliding_window);
  if (config_.attention_bias == AttentionBias::sink_logit) options.sinks = parameters_[prefix + "sinks"];
  if (config_.attention_bias == AttentionBias::k || config_.attention_bias == AttentionBias::kv)
    options.k_bias = parameters_[prefix + "k_bias"];
  if (config_.attention_bias == AttentionBias::kv) options.v_bias = parameters_[prefix + "v_bias"];
  if (hooks_.masked_key) options.masked_key = hooks_.masked_key(name);
  const AttentionResult result = attention(graph_, q, k, v, options);
  if (hooks_.attention)
    hooks_.attention(graph_, {name, attention_blocks_, q, k, v, result.lse, parameters_.matrix(prefix + "o_proj.weight"), options});
  ++attention_blocks_;

  Tensor y = result.y;
  if (config_.gate != "none") y = gate(graph_, y, hook(name + ".gate", gate_logits(x, prefix)), options.heads, config_.gate);
  y = hook(name + ".out", y);
  const Tensor out = linear(graph_, y, parameters_.matrix(prefix + "o_proj.weight"), residual);
  return config_.o_bias ? add_bias(graph_, out, parameters_[prefix + "o_proj.bias"]) : out;
}

Matrix Transformer::head() { return parameters_.matrix(config_.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"); }

Tensor Transformer::logits(const Tensor& hidden) { return hook("logits", linear(graph_, hidden, head())); }

void Transformer::dump_logits(const Tensor& hidden) {
  if (hooks_.wants_logits) logits(hidden);
}

}  // namespace ablate
