// How weights start: rules by name, and the numbers themselves as a pure function of (seed, tensor name, element).
#pragma once

#include "model/parameters.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

struct Initializer {
  enum class Law { constant, normal, uniform };
  Law law = Law::constant;
  double scale = 0.0;  ///< the constant; the standard deviation; the bound of a uniform in [-scale, scale)
};

/// The names `train.init_rule` takes:
///   paper    embedding N(0, 1), linears N(0, 0.02^2), lm_head N(0, 1 / d_model): the default (code of arXiv 2603.05498)
///   gpt2     N(0, 0.02^2), linears into the residual stream divided by sqrt(number of blocks) (Radford et al. 2019)
///   gu       tables and linears N(0, 2 / (5 fan_in)), the feed-forward's output std 1 / (sqrt(fan_in) n_layers) (Gu et al. 2025)
///   pytorch  embedding N(0, 1), linears uniform within 1 / sqrt(fan_in): what torch.nn does (Guo et al. 2024), and the very numbers of
///            torch.manual_seed(seed) on a CPU for modules made in the order of parameters() (model/torch_random.h)
/// In all of them norm weights are 1, norm and linear biases 0, alphas as configured, sink logits 0; learned keys and values, and gates
/// without a projection, N(0, 0.02^2); position tables as the embedding.
std::vector<std::string> initialization_rules();

/// Throws InputError listing the rules when `rule` is none of them.
Initializer initializer(const TransformerConfig& config, const ParameterSpec& parameter, std::string_view rule = "paper");

/// Fills `out` with elements first .. first + out.size() - 1 of the parameter. Pieces in any order and from any thread give the same
/// tensor.
void initialize(std::span<float> out, const ParameterSpec& parameter, const Initializer& initializer, std::uint64_t seed,
                std::uint64_t first = 0);

}  // namespace ablate
