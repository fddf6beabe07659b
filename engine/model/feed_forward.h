// Feed-forward kinds by name: what `[model] ffn = "..."` can say. Each kind registers its parameters and its arithmetic in its own file (model/ffn).
#pragma once

#include "model/hooks.h"
#include "model/weights.h"

#include <functional>
#include <string>

namespace ablate {

struct FeedForwardArgs {
  const TransformerConfig& config;
  Tensor x;                                             ///< (B, T, D), normed
  Tensor residual;                                      ///< added to the output in the last product; none
  std::function<Matrix(const std::string&)> parameter;  ///< by its name after the block's prefix: "up_proj.weight"
  std::function<Tensor(const std::string&)> vector;     ///< the same for biases; empty if the model has none of that name
  std::function<Tensor(Site, const Tensor&)> hook;      ///< ffn_gate, ffn_up, ffn_act; hook_points() lists them
};

/// (B, T, D) -> (B, T, D).
using FeedForward = std::function<Tensor(Graph&, const FeedForwardArgs&)>;
using FeedForwards = Registry<FeedForward>;

/// The parameters of an up and a down projection, and the forward pass through a pointwise activation between them (ReLU, GELU, a user's own).
std::vector<ParameterSpec> up_and_down_parameters(const TransformerConfig& config, int layer, const std::string& prefix);
Tensor up_and_down(Graph& graph, const FeedForwardArgs& args, const std::string& activation);

/// x times the projection `name` ("up_proj"), plus its bias where there is one, plus `residual`.
Tensor project(Graph& graph, const FeedForwardArgs& args, const Tensor& x, const std::string& name, const Tensor& residual = {});

}  // namespace ablate
