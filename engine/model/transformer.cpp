#include "model/transformer.h"

#include "model/feed_forward.h"
#include "model/mixer.h"
#include "ops/add.h"
#include "ops/bias.h"
#include "ops/copy.h"
#include "ops/cross_entropy.h"
#include "ops/dyt.h"
#include "ops/embedding.h"
#include "ops/gate.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "ops/scale.h"

#include <algorithm>
#include <iterator>

namespace ablate {
namespace {

std::string layer_name(int layer) { return "layer." + std::to_string(layer); }
const char* part_name(bool second) { return second ? "ffn" : "attn"; }
std::string layer_prefix(int layer) { return "model.layers." + std::to_string(layer) + "."; }

}  // namespace

Transformer::Transformer(Graph& graph, ParameterTensors& parameters, std::uint32_t max_positions, const Hooks& hooks, DType activations)
    : graph_(graph),
      parameters_(parameters),
      config_(parameters.config()),
      hooks_(hooks),
      activations_(activations),
      max_positions_(max_positions) {}

Tensor Transformer::hook(Site site, const Tensor& x, int index, bool second) {
  return hooks_.at ? hooks_.at(graph_, make_hook(config_, site, index, second), x) : x;
}

Matrix Transformer::matrix(const std::string& parameter) {
  if (!hooks_.weight) return parameters_.matrix(parameter);
  if (const auto known = changed_weights_.find(parameter); known != changed_weights_.end()) return known->second;
  return changed_weights_.emplace(parameter, hooks_.weight(graph_, parameter, parameters_.matrix(parameter))).first->second;
}

Tensor Transformer::norm(const Tensor& x, const std::string& parameter, const std::string& kind) {
  const auto find = [&](const std::string& name) {
    if (parameters_.has(parameter + "." + name)) return parameters_[parameter + "." + name];
    return name == "alpha" ? graph_.constant("alpha", {1}, {1.0f}) : Tensor();  // only a norm that is not the model's finds none
  };
  return Norms::find("norm", kind).apply(graph_, {x, find, static_cast<float>(config_.norm_eps)});
}

// A norm that an experiment may swap.
Tensor Transformer::norm_at(const Hook& place, const Tensor& x, const std::string& parameter, const std::string& kind) {
  const auto norm_of = [&](const std::string& other) { return norm(x, parameter, other); };
  return hooks_.norm ? hooks_.norm(graph_, place, kind, norm_of) : norm_of(kind);
}

Tensor Transformer::embed(const Tensor& ids) {
  const Graph::Scope scope(graph_, "embedding");
  embedded_ = embedding(graph_, ids, matrix("model.embed_tokens.weight"), activations_);
  if (config_.embedding_scale != 1.0) embedded_ = scale(graph_, embedded_, static_cast<float>(config_.embedding_scale));
  const Tensor h = config_.embedding_dim > 0 ? linear(graph_, embedded_, matrix("model.project_in.weight")) : embedded_;
  if (config_.position != Position::learned) return h;
  const Tensor& table = parameters_["model.embed_positions.weight"];
  const auto offset = static_cast<std::uint32_t>(config_.position_offset);
  return add_positions(graph_, h, offset == 0 ? table : graph_.slice(table, offset, table.dim(0) - offset));
}

Tensor Transformer::hidden(const Tensor& ids) {
  Tensor h = hook(Site::residual, embed(ids));
  for (int i = 0; i < config_.n_layers; ++i) h = layer(h, i);
  const Graph::Scope scope(graph_, "final_norm");
  h = hook(Site::final_norm, norm_at(make_hook(config_, Site::final_norm, 0), h, "model.norm", config_.final_norm_kind()));
  return config_.embedding_dim > 0 ? linear(graph_, h, matrix("model.project_out.weight")) : h;
}

// h: (B, T, D). A layer's first block is attention, its second the feed-forward.
Tensor Transformer::layer(const Tensor& h, int layer) {
  if (config_.blocks_per_state() == 2) return parallel_blocks(h, layer);
  const Tensor middle = block(h, layer, false);
  return config_.has_ffn() ? block(middle, layer, true) : middle;
}

Tensor Transformer::block(const Tensor& h, int layer, bool second) {
  const Graph::Scope scope(graph_, layer_name(layer) + "." + part_name(second));
  const Tensor sum = graph_.block([&] {
    const Tensor x = block_input(h, layer, second);
    // The sum with the residual stream rides in the last product unless something has to see or change the block's output first.
    const bool fused = !config_.output_norm && !hooks_.at;
    const Tensor out = finished_block(block_output(x, fused ? h : Tensor(), layer, second), layer, second);
    const Tensor added = fused ? out : add(graph_, h, out);
    return config_.post_norm ? norm(added, layer_prefix(layer) + "post_" + part_name(second) + "_layernorm") : added;
  });
  return hook(Site::residual, sum, blocks_);
}

// Both blocks read h, and their outputs are added at once.
Tensor Transformer::parallel_blocks(const Tensor& h, int layer) {
  const Tensor sum = graph_.block([&] {
    Tensor added = h;
    for (const bool second : {false, true}) {
      const Graph::Scope scope(graph_, layer_name(layer) + "." + part_name(second));
      added = add(graph_, added, finished_block(block_output(block_input(h, layer, second), {}, layer, second), layer, second));
    }
    return added;
  });
  return hook(Site::residual, sum, layer + 1);
}

// What a block reads: the residual stream, after a norm where there is one.
Tensor Transformer::block_input(const Tensor& h, int layer, bool second) {
  ++blocks_;
  const Hook input = make_hook(config_, Site::input_norm, layer, second);
  const std::string parameter = layer_prefix(layer) + (second ? "post_attention_layernorm" : "input_layernorm");
  return hook(Site::input_norm, input.input_has_norm ? norm_at(input, h, parameter, config_.norm) : h, layer, second);
}

// The block's output as it is added to the residual stream.
Tensor Transformer::finished_block(const Tensor& output, int layer, bool second) {
  const std::string parameter = layer_prefix(layer) + part_name(second) + "_output_layernorm";
  return hook(Site::block, config_.output_norm ? norm(output, parameter) : output, blocks_);
}

Tensor Transformer::block_output(const Tensor& x, const Tensor& residual, int layer, bool second) {
  const std::string prefix = layer_prefix(layer);
  if (!second && !config_.attends(layer)) return mixer_block(x, residual, layer);
  if (!second) return attention_block(x, residual, prefix + "self_attn.", layer, second);
  if (config_.second_is_attention()) return attention_block(x, residual, prefix + "mlp.", layer, second);
  const auto parameter = [this, prefix](const std::string& which) { return matrix(prefix + "mlp." + which); };
  const auto vector = [this, prefix](const std::string& which) {
    return parameters_.has(prefix + "mlp." + which) ? parameters_[prefix + "mlp." + which] : Tensor();
  };
  const auto listen = [this, layer](Site site, const Tensor& t) { return hook(site, t, layer, true); };
  return FeedForwards::find("feed-forward", config_.ffn[layer])(graph_, {config_, x, residual, parameter, vector, listen});
}

Tensor Transformer::mixer_block(const Tensor& x, const Tensor& residual, int layer) {
  ++attention_blocks_;
  const std::string prefix = layer_prefix(layer) + "linear_attn.";
  const auto parameter = [this, prefix](const std::string& which) { return parameters_.matrix(prefix + which); };
  const auto vector = [this, prefix](const std::string& which) { return parameters_[prefix + which]; };
  const auto listen = [this, layer](Site site, const Tensor& t) { return hook(site, t, layer); };
  return mixer_of(config_, layer).forward(graph_, {config_, x, residual, parameter, vector, listen});
}

Tensor Transformer::projection(const Tensor& x, const std::string& prefix, const std::string& which) {
  const Tensor y = linear(graph_, x, matrix(prefix + which + "_proj.weight"));
  return config_.qkv_bias ? add_bias(graph_, y, parameters_[prefix + which + "_proj.bias"]) : y;
}

// x: (B, T, H * hd). QK norm over each head, or over all of them together.
Tensor Transformer::heads_norm(const Tensor& x, const std::string& parameter) {
  if (config_.qk_norm == QkNorm::none) return x;
  if (config_.qk_norm == QkNorm::full) return norm(x, parameter);
  const auto head_dim = static_cast<std::uint32_t>(config_.head_dim);
  const Tensor heads = graph_.reshape(x, {x.dim(0), x.dim(1), x.dim(2) / head_dim, head_dim});
  return graph_.reshape(norm(heads, parameter), x.shape);
}

// x: (B, T, heads * head_dim), q or k. Layers that rotate alike share a table.
Tensor Transformer::rotated(const Tensor& x, int layer) {
  const auto channels = static_cast<std::uint32_t>(config_.rotated_channels(layer));
  if (channels == 0) return x;
  const Rotation wanted = rotation(config_, layer, x.dim(1));
  auto known = std::find_if(rope_tables_.begin(), rope_tables_.end(), [&](const auto& table) { return table.first == wanted; });
  if (known == rope_tables_.end()) {
    std::vector<float> values = rope_table(max_positions_, wanted.frequencies, wanted.magnitude);
    rope_tables_.emplace_back(wanted, graph_.constant("rotations", {max_positions_, channels}, std::move(values)));
    known = std::prev(rope_tables_.end());
  }
  return rope(graph_, x, static_cast<std::uint32_t>(config_.head_dim), known->second);
}

Tensor Transformer::gate_logits(const Tensor& x, const std::string& prefix) {
  switch (config_.gate_input) {
    case GateInput::hidden: return linear(graph_, x, matrix(prefix + "gate_proj.weight"));
    case GateInput::embedding: return linear(graph_, embedded_, matrix(prefix + "gate_proj.weight"));
    case GateInput::constant:
    case GateInput::position: return parameters_[prefix + "gate"];
  }
  return {};
}

// z: (B, T, W), or (W), or (max_seq_len, W), of which x's T positions are used. A hook sees three dimensions of all of them.
Tensor Transformer::hook_gate_logits(const Tensor& z, const Tensor& x, int layer, bool second) {
  if (!hooks_.at || z.shape.size() == 3) return hook(Site::head_gate, z, layer, second);
  const bool constant = z.shape.size() == 1;
  const Tensor used = constant ? z : graph_.slice(z, 0, x.dim(1));
  const Tensor own =
      copy_columns(graph_, graph_.reshape(used, {1, constant ? 1 : x.dim(1), z.dim(-1)}), 0, z.dim(-1));  // not the weight itself
  const Tensor seen = hook(Site::head_gate, own, layer, second);
  return graph_.reshape(seen, used.shape);
}

Tensor Transformer::attention_block(const Tensor& x, const Tensor& residual, const std::string& prefix, int layer, bool second) {
  Tensor q = heads_norm(projection(x, prefix, "q"), prefix + "q_norm"), k = heads_norm(projection(x, prefix, "k"), prefix + "k_norm");
  const auto head_dim = static_cast<std::uint32_t>(config_.head_dim);
  q = hook(Site::q, rotated(q, layer), layer, second);
  k = hook(Site::k, rotated(k, layer), layer, second);
  Tensor v = projection(x, prefix, "v");
  if (config_.value_gate != "none")
    v = gate(graph_, v, linear(graph_, x, matrix(prefix + "value_gate_proj.weight")), static_cast<std::uint32_t>(config_.n_kv_heads),
             config_.value_gate);
  v = hook(Site::v, v, layer, second);

  AttentionOptions options;
  options.heads = static_cast<std::uint32_t>(config_.n_heads);
  options.kv_heads = static_cast<std::uint32_t>(config_.n_kv_heads);
  options.head_dim = head_dim;
  options.score = config_.attention;
  options.gamma = static_cast<float>(config_.attention_gamma);
  options.zeta = static_cast<float>(config_.attention_zeta);
  options.scale = static_cast<float>(config_.attention_scale);
  options.softcap = static_cast<float>(config_.attention_softcap);
  options.window = static_cast<std::uint32_t>(config_.sliding_window[layer]);
  if (config_.attention_bias == AttentionBias::sink_logit) options.sinks = parameters_[prefix + "sinks"];
  if (config_.attention_bias == AttentionBias::k || config_.attention_bias == AttentionBias::kv)
    options.k_bias = parameters_[prefix + "k_bias"];
  if (config_.attention_bias == AttentionBias::kv) options.v_bias = parameters_[prefix + "v_bias"];
  if (hooks_.attend) hooks_.attend(graph_, layer, q, options);
  const AttentionResult result = attention(graph_, q, k, v, options);
  AttentionCall call{make_hook(config_, Site::probs, layer, second),
                     attention_blocks_++,
                     q,
                     k,
                     v,
                     result.lse,
                     result.y,
                     matrix(prefix + "o_proj.weight"),
                     options};
  if (hooks_.mask_keys) hooks_.mask_keys(graph_, call);
  if (hooks_.attention) hooks_.attention(graph_, call);

  Tensor y = call.y;
  if (config_.gate != "none") y = gate(graph_, y, hook_gate_logits(gate_logits(x, prefix), x, layer, second), options.heads, config_.gate);
  y = hook(Site::heads_out, y, layer, second);
  const Tensor out = linear(graph_, y, matrix(prefix + "o_proj.weight"), residual);
  return config_.o_bias ? add_bias(graph_, out, parameters_[prefix + "o_proj.bias"]) : out;
}

Matrix Transformer::head() { return matrix(config_.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"); }

Tensor Transformer::logits(const Tensor& hidden) {
  const Tensor flat = graph_.reshape(hidden, {hidden.rows(), hidden.dim(-1)});
  std::vector<Tensor> parts;
  for (const Tensor& part : head().parts) parts.push_back(matmul(graph_, flat, part, Layout::nt, {DType::f32}));
  Tensor logits = parts.size() == 1 ? parts[0] : join_columns(graph_, parts);
  if (config_.logit_softcap > 0) {  // cap * tanh(logit / cap)
    const auto cap = static_cast<float>(config_.logit_softcap);
    const Tensor caps = graph_.constant("cap", {logits.dim(-1)}, std::vector<float>(logits.dim(-1), cap));
    logits = dyt(graph_, logits, caps, graph_.constant("slope", {1}, {1.0f / cap}));
  }
  return hook(Site::logits, graph_.reshape(logits, {hidden.dim(0), hidden.dim(1), logits.dim(-1)}));
}

Tensor Transformer::losses(const Tensor& hidden, const Tensor& targets, std::uint64_t max_logits_bytes) {
  Tensor all;
  if (hooks_.wants_logits || hooks_.changes_logits) all = logits(hidden);
  if (hooks_.changes_logits) return cross_entropy(graph_, graph_.reshape(all, {hidden.rows(), all.dim(-1)}), targets);
  return losses(hidden, targets, graph_.constant("one", {1}, {1.0f}), max_logits_bytes);
}

Tensor Transformer::losses(const Tensor& hidden, const Tensor& targets, const Tensor& scale, std::uint64_t max_logits_bytes) {
  return linear_cross_entropy(graph_, hidden, head(), targets, scale, max_logits_bytes, static_cast<float>(config_.logit_softcap)).losses;
}

}  // namespace ablate
