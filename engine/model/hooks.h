// Hook points: where probes listen to the forward pass and interventions cut in.
//
//   residual.0 .. residual.2L     the residual states, embedding first (one per block and one more)
//   block.1 .. block.2L           block outputs as added to the residual stream; odd: attention, even: feed-forward (the paper's numbering)
//   layer.I.attn_norm, .ffn_norm  inputs of a block after its norm
//   layer.I.attn.probs            attention weights (B, H, T, S); stored only when dumped
//   layer.I.attn.q|k|v            after QK norm and RoPE; layer.I.attn.gate: gate logits; layer.I.attn.out: gated heads before o_proj
//   layer.I.ffn.gate|up|act       SwiGLU's pre-activation, linear branch and product (gelu, relu: up and act)
//   final_norm, logits
// A second attention block in place of the feed-forward names its points layer.I.ffn.q and so on.
#pragma once

#include "ops/attention.h"
#include "ops/matrix.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

struct TransformerConfig;

/// One attention block as it was computed: enough to recompute any of its weights exactly.
struct AttentionCall {
  std::string name;  ///< "layer.3.attn"
  int index = 0;     ///< among the attention blocks of the model
  Tensor q, k, v, lse;
  Matrix output_weight;  ///< W_O, (D, heads * head_dim)
  AttentionOptions options;
};

/// What an experiment may do to a forward pass. Every member is the identity when empty.
struct Hooks {
  /// Called at every hook point with its (B, T, C) tensor; what it returns takes the tensor's place.
  std::function<Tensor(Graph&, const std::string& name, const Tensor& x)> at;
  /// Called after every attention block.
  std::function<void(Graph&, const AttentionCall&)> attention;
  /// Whether block `n` (1 ..) is left out of the residual stream.
  std::function<bool(int n)> skip_block;
  /// The key hidden from later queries in the attention block "layer.I.attn", or -1.
  std::function<std::int32_t(const std::string& name)> masked_key;
  /// The kind of norm to use at "layer.I.attn_norm" and the like instead of `kind`. A parameter that the model does not have for it is 1.
  std::function<std::string(const std::string& name, const std::string& kind)> norm_kind;
  /// Whether the hook point "logits" is wanted, which stores every logit.
  bool wants_logits = false;
};

/// Every hook point of a model, in the order of the forward pass ("layer.I.attn.probs" among them: attention maps, made only for dumps).
std::vector<std::string> hook_points(const TransformerConfig& config);

/// Whether `pattern` names `name`: "*" stands for anything, and "layer.*." in front may be left out ("attn.probs").
bool hook_matches(std::string_view pattern, std::string_view name);

/// The hook points that `pattern` names. Throws InputError "where: ..." listing what there is when it names none.
std::vector<std::string> matching_hooks(const TransformerConfig& config, const std::string& pattern, const std::string& where);

}  // namespace ablate
