// Sink statistics, recomputed exactly from q, k and the log-sum-exp: O(T) per key, never a T x T map.
#pragma once

#include "ops/attention.h"

#include <vector>

namespace ablate {

/// Weight on each of `keys` (columns of the map: with a learned key, that one is 0 and token t is t + 1), averaged over all T queries:
/// (B, heads, keys.size()) f32. For the first key this is `sink_mass` and `sink_score`.
Tensor key_mass(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options,
                const std::vector<std::uint32_t>& keys);

/// Importance of the first `keys` columns (Gu et al. 2025, arXiv 2410.10781): alpha_k = mean of the weight on k over the queries that may see it
/// causally, the key's own among them (a learned key: over all T). (B, heads, keys) f32.
/// `proxy`: of scores that are not normalised (sigmoid, relu, a user's) every weight's magnitude is first divided by its row's sum of magnitudes + 1e-8; no
/// effect on the others.
/// `length`: the sequences are cut to their first `length` tokens, queries and keys alike (causality makes the weights the same as those of the cut
/// sequences); 0 or more than T: not cut.
Tensor importance(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options, std::uint32_t keys,
                  bool proxy = false, std::uint32_t length = 0);

/// The weight of every query on one column, (B, heads, T) f32; 0 where the query does not see it.
Tensor key_weights(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options, std::uint32_t key);

}  // namespace ablate
