// Attention by its definition: the full map, any scalar type.
#pragma once

#include "ops/attention.h"
#include "support/op_test.h"

#include <cmath>

namespace ablate::test {

/// Inputs in this order: q, k, v, then those of sinks, k_bias, v_bias that there are, then first_q.
struct AttentionCase {
  std::uint32_t batch, tokens, heads, kv_heads, head_dim;
  std::string score = "softmax";
  std::uint32_t window = 0;
  std::string bias = "";  ///< "", "sinks", "k", "kv"
  std::int32_t masked_key = -1;
  std::vector<float> masked_keys{};  ///< (heads, T), not 0: hidden from later queries; none
  float scale = 0, softcap = 0;      ///< as in AttentionOptions
  std::uint32_t keep_first = 0;      ///< first keys that queries of their own see behind the window
  float gamma = 0, zeta = 1;         ///< of clipped_softmax

  bool learned_key() const { return bias == "k" || bias == "kv"; }
  std::uint32_t columns() const { return tokens + learned_key(); }

  AttentionOptions options(const std::vector<Tensor>& in, const std::string& kernel = "") const {
    AttentionOptions o{.heads = heads,
                       .kv_heads = kv_heads,
                       .head_dim = head_dim,
                       .score = score,
                       .gamma = gamma,
                       .zeta = zeta,
                       .scale = scale,
                       .softcap = softcap,
                       .window = window,
                       .masked_key = masked_key,
                       .kernel = kernel};
    if (bias == "sinks") o.sinks = in[3];
    if (learned_key()) o.k_bias = in[3];
    if (bias == "kv") o.v_bias = in[4];
    o.keep_first = keep_first;
    if (keep_first > 0) o.first_q = in.back();
    return o;
  }

  std::vector<OpInput> inputs(DType type, DType bias_type = DType::f32, bool differentiable = true) const {
    std::vector<OpInput> all = {{{batch, tokens, heads * head_dim}, type, differentiable},
                                {{batch, tokens, kv_heads * head_dim}, type, differentiable},
                                {{batch, tokens, kv_heads * head_dim}, type, differentiable}};
    if (bias == "sinks") all.push_back({{heads}, DType::f32, differentiable});
    if (learned_key()) all.push_back({{kv_heads, head_dim}, bias_type, differentiable});
    if (bias == "kv") all.push_back({{kv_heads, head_dim}, bias_type, differentiable});
    if (keep_first > 0) all.push_back({{batch, tokens, heads * head_dim}, type, differentiable});
    return all;
  }

  std::string name(DType type) const {
    return "attention " + score + " " + std::string(name_of(type)) + " B " + std::to_string(batch) + " T " + std::to_string(tokens) +
           " H " + std::to_string(heads) + "/" + std::to_string(kv_heads) + " hd " + std::to_string(head_dim) +
           (window ? " window " + std::to_string(window) : "") + (bias.empty() ? "" : " bias " + bias) +
           (masked_key >= 0 ? " masked " + std::to_string(masked_key) : "") + (softcap > 0 ? " capped at " + std::to_string(softcap) : "") +
           (keep_first ? " first " + std::to_string(keep_first) : "") +
           (gamma < 0 || zeta > 1 ? " clipped from " + std::to_string(gamma) + " to " + std::to_string(zeta) : "");
  }

  bool sees(std::size_t h, std::size_t i, std::size_t j) const {
    const bool masked = static_cast<std::int64_t>(j) == masked_key || (!masked_keys.empty() && masked_keys[h * tokens + j] != 0);
    return j <= i && (window == 0 || i - j < window || j < keep_first) && !(masked && i > j);
  }
  /// Whether it does so by first_q.
  bool sees_kept(std::size_t i, std::size_t j) const { return j < keep_first && i >= j + window; }
};

template <class S>
struct AttentionReference {
  Array<S> y, map, lse;
};

/// Weights of one query's scores (by column; unseen ones absent) and their log-sum-exp, or sum.
template <class S>
std::vector<S> weights_of(const AttentionCase& c, const std::vector<S>& scores, const S* sink, std::size_t i, S& lse) {
  using std::exp, std::log;
  std::vector<S> weights;
  S total(c.score == "softmax1" ? 1.0 : 0.0);
  for (const S& score : scores) {
    if (c.score == "sigmoid") weights.push_back(S(1.0) / (S(1.0) + exp(-score)));
    else if (c.score == "relu") weights.push_back(value_of(score) > 0 ? score / S(static_cast<double>(i + 1)) : S(0.0));
    else if (c.score == "mine") weights.push_back(score * score / S(static_cast<double>(i + 1)));  // the user's, in user_shader_test.cpp
    else if (c.score == "identity") weights.push_back(score);  // a user's too, in attention_statistics_test.cpp: may be negative
    else weights.push_back(exp(score));
    total +=
        value_of(weights.back()) < 0 ? -weights.back() : weights.back();  // only a user's can be negative: its total is that of magnitudes
  }
  if (sink) total += exp(*sink);
  const bool clipped = c.score == "clipped_softmax", normalised = c.score == "softmax" || c.score == "softmax1" || clipped;
  lse = normalised ? log(total) : total;
  for (S& weight : weights)
    if (normalised) weight = weight / total;
  for (S& weight : weights) {
    if (clipped) weight = weight * S(static_cast<double>(c.zeta - c.gamma)) + S(static_cast<double>(c.gamma));
    if (clipped && (value_of(weight) < 0 || value_of(weight) > 1)) weight = S(value_of(weight) < 0 ? 0.0 : 1.0);
  }
  return weights;
}

/// cap * tanh(score / cap)
template <class S>
S capped(const S& score, double cap) {
  using std::exp;
  if (cap == 0) return score;
  const S e = exp(score * S(-2 / cap));
  return S(cap) * (S(1.0) - e) / (S(1.0) + e);
}

template <class S>
AttentionReference<S> attention_reference(const AttentionCase& c, const std::vector<Array<S>>& in) {
  AttentionReference<S> result{Array<S>({c.batch, c.tokens, c.heads * c.head_dim}), Array<S>({c.batch, c.heads, c.tokens, c.columns()}),
                               Array<S>({c.batch, c.heads, c.tokens})};
  const std::size_t learned = c.learned_key();
  for (std::size_t b = 0; b < c.batch; ++b)
    for (std::size_t h = 0; h < c.heads; ++h)
      for (std::size_t i = 0; i < c.tokens; ++i) {
        const std::size_t kv = h / (c.heads / c.kv_heads);
        const auto key = [&](std::size_t column, std::size_t d, std::size_t which) {
          if (column < learned) return which == 2 && c.bias == "k" ? S(0.0) : in[which == 1 ? 3 : 4](kv, d);
          return in[which](b, column - learned, kv * c.head_dim + d);
        };
        std::vector<std::size_t> columns;
        for (std::size_t column = 0; column < c.columns(); ++column)
          if (column < learned || c.sees(h, i, column - learned)) columns.push_back(column);
        std::vector<S> scores;
        for (const std::size_t column : columns) {
          S score(0.0);
          const Array<S>& q = column >= learned && c.sees_kept(i, column - learned) ? in.back() : in[0];
          for (std::size_t d = 0; d < c.head_dim; ++d) score += q(b, i, h * c.head_dim + d) * key(column, d, 1);
          const double scale = c.scale > 0 ? static_cast<double>(c.scale) : 1 / std::sqrt(static_cast<double>(c.head_dim));
          scores.push_back(capped(score * S(scale), static_cast<double>(c.softcap)));
        }
        const std::vector<S> weights = weights_of(c, scores, c.bias == "sinks" ? &in[3].data[h] : nullptr, i, result.lse(b, h, i));
        for (std::size_t n = 0; n < columns.size(); ++n) {
          result.map(b, h, i, columns[n]) = weights[n];
          for (std::size_t d = 0; d < c.head_dim; ++d) result.y(b, i, h * c.head_dim + d) += weights[n] * key(columns[n], d, 2);
        }
      }
  return result;
}

}  // namespace ablate::test
