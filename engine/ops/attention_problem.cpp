#include "ops/attention_problem.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ablate {
namespace {

const AttentionScores::Registration softmax("softmax", {0}), softmax1("softmax1", {1}), sigmoid("sigmoid", {2}), relu("relu", {3}),
    clipped_softmax("clipped_softmax", {5});

void check_bias(const Tensor& bias, const char* name, const Tensor& q, const AttentionOptions& o) {
  if (!bias) return;
  require(bias.shape == Shape{o.kv_heads, o.head_dim} && (bias.dtype == DType::f32 || bias.dtype == q.dtype),
          "attention: {} must be ({}, {}) in f32 or {}, found {} {}", name, o.kv_heads, o.head_dim, name_of(q.dtype), name_of(bias.dtype),
          to_string(bias.shape));
}

}  // namespace

AttentionProblem::AttentionProblem(const Tensor& q_, const Tensor& k_, const Tensor& v_, const AttentionOptions& o)
    : q(q_), k(k_), v(v_), options(o) {
  require(o.heads > 0 && o.kv_heads > 0 && o.heads % o.kv_heads == 0, "attention: {} heads cannot share {} key heads", o.heads, o.kv_heads);
  require(o.head_dim > 0 && o.head_dim <= 256, "attention: head_dim must be 1 to 256, found {}", o.head_dim);
  require(q.shape.size() == 3 && q.dim(2) == std::uint64_t{o.heads} * o.head_dim, "attention: q must be (B, T, {} * {}), found {}", o.heads,
          o.head_dim, to_string(q.shape));
  batch = q.dim(0);
  tokens = q.dim(1);
  const Shape expected{batch, tokens, o.kv_heads * o.head_dim};  // no more than q has
  require(k.shape == expected && k.dtype == q.dtype, "attention: k must be {} {}, found {} {}", name_of(q.dtype), to_string(expected),
          name_of(k.dtype), to_string(k.shape));
  require(!v || (v.shape == expected && v.dtype == q.dtype), "attention: v must be {} {}, found {} {}", name_of(q.dtype),
          to_string(expected), name_of(v.dtype), to_string(v.shape));
  const AttentionScore& kind = AttentionScores::find("attention", o.score);
  score = kind.code, user = kind.user;
  require(!clipped() || (std::isfinite(o.gamma) && o.gamma <= 0 && std::isfinite(o.zeta) && o.zeta >= 1),
          "attention: a clipped softmax needs gamma <= 0 and zeta >= 1, found {} and {}", o.gamma, o.zeta);
  require(!clipped() || o.keep_first == 0, "attention: a clipped softmax does not know keys that a window has left behind");
  require(!o.sinks || score == 0, "attention: a sink logit goes with softmax, not with {}", o.score);
  require(!o.sinks || (o.sinks.shape == Shape{o.heads} && o.sinks.dtype == DType::f32), "attention: sinks must be f32 ({}), found {} {}",
          o.heads, name_of(o.sinks.dtype), to_string(o.sinks.shape));
  require(std::isfinite(o.scale) && o.scale >= 0 && std::isfinite(o.softcap) && o.softcap >= 0,
          "attention: scale {} and softcap {} must be positive, or 0", o.scale, o.softcap);
  check_bias(o.k_bias, "k_bias", q, o);
  check_bias(o.v_bias, "v_bias", q, o);
  require(!o.v_bias || (o.k_bias && o.v_bias.dtype == o.k_bias.dtype), "attention: a v_bias needs a k_bias of its type");
  require(!o.masked_keys || (o.masked_keys.shape == Shape{o.heads, tokens} && o.masked_keys.dtype == DType::f32),
          "attention: masked_keys must be f32 ({}, {}), found {} {}", o.heads, tokens, name_of(o.masked_keys.dtype),
          to_string(o.masked_keys.shape));
  require(o.keep_first == 0 || o.window > 0, "attention: first keys are kept beside a window, and there is none");
  require(!keeps_first() || (o.first_q.shape == q.shape && o.first_q.dtype == q.dtype), "attention: first_q must be {} {}, found {} {}",
          name_of(q.dtype), to_string(q.shape), name_of(o.first_q.dtype), to_string(o.first_q.shape));
  require(o.masked_key >= -1 && o.masked_key < static_cast<std::int64_t>(tokens), "attention: masked_key {} is none of {} tokens",
          o.masked_key, tokens);
}

AttentionProblem AttentionProblem::unclipped() const {
  AttentionProblem plain = *this;
  plain.score = 0;
  return plain;
}

float AttentionProblem::scale() const { return options.scale > 0 ? options.scale : 1.0f / std::sqrt(static_cast<float>(options.head_dim)); }

double AttentionProblem::pairs() const {
  const double t = tokens, w = options.window == 0 ? t : std::min<double>(options.window, t);
  return double(batch) * options.heads * (w * (w + 1) / 2 + (t - w) * w);
}

Specialization AttentionProblem::constants(Specialization more) const {
  const auto& o = options;
  Specialization all = {{"DTYPE", static_cast<std::uint32_t>(q.dtype)},
                        {"HEAD_DIM", options.head_dim},
                        {"SCORE", score},
                        {"LEARNED", o.v_bias   ? 2
                                    : o.k_bias ? 1
                                               : 0},
                        {"SINKS", o.sinks ? 1 : 0}};
  if (o.softcap > 0) all.push_back({"SOFTCAP", std::bit_cast<std::uint32_t>(o.softcap)});
  if (clipped()) all.insert(all.end(), {{"GAMMA", std::bit_cast<std::uint32_t>(o.gamma)}, {"ZETA", std::bit_cast<std::uint32_t>(o.zeta)}});
  if (o.k_bias) all.push_back({"BIAS_TYPE", static_cast<std::uint32_t>(o.k_bias.dtype)});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Cut AttentionProblem::cut(std::vector<Cut::Share> tensors, std::uint32_t at) const {
  tensors.push_back({at, 1});
  return {batch, 1, std::move(tensors)};
}

Specialization AttentionProblem::masked_constants(Specialization more) const {
  more.push_back({"MASKED", options.masked_keys ? 1 : 0});
  return constants(std::move(more));
}

std::vector<PushValue> AttentionProblem::push(std::vector<PushValue> pointers) const {
  const auto& o = options;
  pointers.insert(pointers.end(), {batch, tokens, o.heads, o.kv_heads, o.window, o.masked_key, scale()});
  return pointers;
}

std::vector<PushValue> AttentionProblem::weight_push(const std::vector<PushValue>& pointers, const Tensor& lse) const {
  std::vector<PushValue> all = {q, k, lse, options.k_bias, options.masked_keys, keeps_first() ? options.first_q : Tensor()};
  all.insert(all.end(), pointers.begin(), pointers.end());
  all = push(std::move(all));
  all.push_back(options.keep_first);
  return all;
}

Specialization AttentionProblem::weight_constants(Specialization more) const {
  more.push_back({"KEEPS_FIRST", keeps_first() ? 1 : 0});
  return masked_constants(std::move(more));
}

}  // namespace ablate
