// Hook points: where probes listen to the forward pass and interventions cut in.
//
//   residual.0 .. residual.2L     the residual states, embedding first (one per block and one more)
//   block.1 .. block.2L           block outputs as added to the residual stream; odd: attention, even: feed-forward (the paper's numbering)
//   layer.I.attn_norm, .ffn_norm  inputs of a block after its norm
//   layer.I.attn.probs            attention weights (B, H, T, S); stored only when dumped
//   layer.I.attn.q|k|v            after QK norm and RoPE; layer.I.attn.gate: gate logits; layer.I.attn.out: gated heads before o_proj
//   layer.I.attn.q|k|v|decay|beta|gate|out of a gated_deltanet: q, k (of length 1) and v after their convolutions; how much of the state stays and how much is
//                                 written; SiLU's input; normed and gated heads before o_proj
//   layer.I.ffn.gate|up|act       SwiGLU's pre-activation, linear branch and product (gelu, relu: up and act)
//   final_norm, logits
// A second attention block in place of the feed-forward names its points layer.I.ffn.q and so on.
#pragma once

#include "model/parameters.h"
#include "ops/attention.h"
#include "ops/matrix.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

struct TransformerConfig;

/// What is computed at a hook point.
enum class Site {
  residual,
  block,
  input_norm,
  q,
  k,
  v,
  probs,
  decay,
  beta,
  head_gate,
  heads_out,
  router,
  ffn_gate,
  ffn_up,
  ffn_act,
  final_norm,
  logits
};

/// A hook point of a model: which tensor of its forward pass, and that tensor's shape, (B, T, channels).
struct Hook {
  Site site = Site::residual;
  int index = 0;                ///< of the residual state (0 ..), of the block (1 ..), of the layer (0 ..)
  bool second = false;          ///< of a layer's second block: "layer.3.ffn.q", not "layer.3.attn.q"
  std::uint32_t channels = 0;   ///< 0 at `probs`, whose shape is (B, heads, T, keys)
  std::uint32_t heads = 0;      ///< how many heads the channels consist of, each of the same number; 0: they are no heads'
  bool every_sequence = true;   ///< false: one row for all sequences, (1, T, channels): the logits of a gate per position
  bool every_token = true;      ///< false: one for all positions too, (1, 1, channels): those of a constant gate
  bool input_has_norm = false;  ///< at `input_norm` and `final_norm`: there is a norm to swap

  /// The state of the residual stream, or the block's output, of that number; -1: this is another site.
  int residual() const { return site == Site::residual ? index : -1; }
  int block() const { return site == Site::block ? index : -1; }
  /// Whether its channels are those of the residual stream.
  bool in_residual_channels() const;
  /// "layer.3.attn.q"
  std::string name() const;
  /// "(B, T, 64)"
  std::string shape_text() const;
};

/// One attention block as it was computed: enough to recompute any of its weights exactly.
struct AttentionCall {
  Hook probs;     ///< the hook point of its weights
  int index = 0;  ///< among the blocks of the model that attend or have another mixer
  Tensor q, k, v, lse;
  Tensor y;              ///< (B, T, heads * head_dim): what the heads put out, before a gate
  Matrix output_weight;  ///< W_O, (D, heads * head_dim)
  AttentionOptions options;
};

/// What an experiment may do to a forward pass. Every member is the identity when empty.
struct Hooks {
  /// Called at every hook point but `probs` with its tensor, of hook.shape_text(); what it returns takes the tensor's place.
  std::function<Tensor(Graph&, const Hook& hook, const Tensor& x)> at;
  /// Called before every attention block with its queries, as the hook point "q" left them; may change how it attends.
  std::function<void(Graph&, int layer, const Tensor& q, AttentionOptions& options)> attend;
  /// Called after every attention block.
  std::function<void(Graph&, const AttentionCall&)> attention;
  /// Called before that; may compute the block anew: then `y`, `lse` and `options` are what the model goes on with.
  std::function<void(Graph&, AttentionCall&)> mask_keys;
  /// Called with a norm's kind at hook points that have one. `norm_of` computes any kind of norm there; a parameter that the model does not have
  /// for it is 1. What it returns is the normed input.
  std::function<Tensor(Graph&, const Hook& hook, const std::string& kind, const std::function<Tensor(const std::string&)>& norm_of)> norm;
  /// Called with every weight matrix under its parameter's name; what it returns takes the matrix's place wherever it is used.
  std::function<Matrix(Graph&, const std::string& name, const Matrix& w)> weight;
  /// Whether a block's output is left out for all tokens: then it is no part of the model, and no probe hears what it would have computed.
  std::function<bool(int block)> left_out;
  /// Whether the hook point "logits" is wanted, which stores every logit.
  bool wants_logits = false;
  /// Whether `at` changes them: then the loss is computed from what it returns.
  bool changes_logits = false;
};

/// The hook point of a site of `config`; `index` and `second` as in Hook.
Hook make_hook(const TransformerConfig& config, Site site, int index, bool second = false);

/// Every hook point of a model, in the order of the forward pass (`probs` among them: attention maps, made only for dumps).
std::vector<Hook> hook_points(const TransformerConfig& config);

/// Whether `pattern` names the hook point: "*" stands for anything, and "layer.*." in front may be left out ("attn.probs"). "linear_inputs" names
/// those that the matrices of the layers multiply.
bool hook_matches(std::string_view pattern, const Hook& hook);
bool hook_matches(std::string_view pattern, std::string_view name);

/// The hook points that `pattern` names. Throws InputError "where: ..." listing what there is when it names none.
std::vector<Hook> matching_hooks(const TransformerConfig& config, const std::string& pattern, const std::string& where);

/// The weight matrices of a model that an intervention can change, in the model's order: projections, the embedding and the head.
std::vector<ParameterSpec> weight_points(const TransformerConfig& config);

/// Whether `pattern` names weights rather than hook points: "model.layers.*.q_proj.weight", or "linear_weights", all matrices of the layers.
inline bool names_weights(std::string_view pattern) { return pattern.ends_with(".weight") || pattern == "linear_weights"; }

/// Those that `pattern` names. Throws InputError "where: ..." when it names none.
std::vector<ParameterSpec> matching_weights(const TransformerConfig& config, const std::string& pattern, const std::string& where);

/// The same as matching_hooks, for statistics of a hook point's tensor: throws at attention weights too, of which there is none.
std::vector<Hook> matching_tensors(const TransformerConfig& config, const std::string& pattern, const std::string& where);

}  // namespace ablate
