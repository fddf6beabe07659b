// The one forward pass: trained, probed and intervened on alike.
#pragma once

#include "model/hooks.h"
#include "model/rope.h"
#include "model/weights.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ablate {

class Transformer {
 public:
  /// Appends to `graph`, reading the weights through `parameters`. `max_positions`: the longest T it will be asked for. `activations`: the element type
  /// of everything between the weights.
  Transformer(Graph& graph, ParameterTensors& parameters, std::uint32_t max_positions, const Hooks& hooks, DType activations);

  /// ids: (B, T) i32 -> (B, T, D): the residual stream after the final norm.
  Tensor hidden(const Tensor& ids);

  /// hidden: (B, T, D) -> (B, T, V) f32 as its hook leaves it, every logit stored. Training and perplexity use linear_cross_entropy.
  Tensor logits(const Tensor& hidden);
  /// The loss of every position, (B * T) f32; negative targets (B * T) i32 are not counted. Where hooks change the logits it is that of the changed
  /// ones. `max_logits_bytes`: see linear_cross_entropy.
  Tensor losses(const Tensor& hidden, const Tensor& targets, std::uint64_t max_logits_bytes);
  /// The same with gradients, whatever hooks do to logits. `scale`: (1) f32, the weight of every counted loss in them.
  Tensor losses(const Tensor& hidden, const Tensor& targets, const Tensor& scale, std::uint64_t max_logits_bytes);

  /// The matrix of logits: lm_head (V, D), or the embedding where they are tied.
  Matrix head();

 private:
  Tensor embed(const Tensor& ids);
  Tensor layer(const Tensor& h, int layer);
  Tensor block(const Tensor& h, int layer, bool second);
  Tensor parallel_blocks(const Tensor& h, int layer);
  Tensor block_input(const Tensor& h, int layer, bool second);
  Tensor finished_block(const Tensor& output, int layer, bool second);
  Tensor rotated(const Tensor& x, int layer);
  Tensor block_output(const Tensor& x, const Tensor& residual, int layer, bool second);
  Tensor attention_block(const Tensor& x, const Tensor& residual, const std::string& prefix, int layer, bool second);
  Tensor mixer_block(const Tensor& x, const Tensor& residual, int layer);
  Tensor projection(const Tensor& x, const std::string& prefix, const std::string& which);
  Tensor heads_norm(const Tensor& x, const std::string& prefix);
  Tensor gate_logits(const Tensor& x, const std::string& prefix);
  Tensor hook_gate_logits(const Tensor& z, const Tensor& x, int layer, bool second);
  Tensor norm(const Tensor& x, const std::string& parameter, const std::string& kind);
  Tensor norm(const Tensor& x, const std::string& parameter) { return norm(x, parameter, config_.norm); }
  Tensor norm_at(const Hook& hook, const Tensor& x, const std::string& parameter, const std::string& kind);
  Matrix matrix(const std::string& parameter);
  Tensor hook(Site site, const Tensor& x, int index = 0, bool second = false);

  Graph& graph_;
  ParameterTensors& parameters_;
  const TransformerConfig& config_;
  Hooks hooks_;
  DType activations_;
  std::uint32_t max_positions_;
  std::vector<std::pair<Rotation, Tensor>> rope_tables_;  // (max_positions, rotated channels) for each way to rotate
  std::map<std::string, Matrix> changed_weights_;         // as hooks left them: each once, however often it is used
  Tensor embedded_;                                       // (B, T, D): what an embedding gate reads
  int blocks_ = 0, attention_blocks_ = 0;
};

}  // namespace ablate
