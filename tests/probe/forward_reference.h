// The forward pass by its definition, in double precision on the host, with the same hook points: what interventions and statistics are compared with. It
// has every choice of a model that architectures/*.cpp can make; that it computes what Transformers does is tested too (tests/architectures).
#pragma once

#include "model/hooks.h"
#include "model/rope.h"
#include "model/weights.h"
#include "support/op_test.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

namespace ablate::test {

/// (B, T, C); at `probs` (B, H, T, T).
using Numbers = Array<double>;

/// What is done on the way. Each may be empty.
struct ReferenceHooks {
  std::function<void(const Hook&, Numbers&)> at;
  std::function<std::string(const Hook&, const std::string& kind)> norm;
  std::function<bool(const Hook&, std::size_t head, std::size_t key)> masked;
};

class ForwardReference {
 public:
  explicit ForwardReference(const Weights& weights) : config_(weights.config()) {
    for (const ParameterSpec& spec : parameters(config_)) weights_[spec.name] = weights.read(spec.name);
  }

  const TransformerConfig& config() const { return config_; }

  /// The loss of every position, (B * T); the last of a sequence is followed by its first. ids: (B, T).
  std::vector<double> losses(const Array<std::int32_t>& ids, const ReferenceHooks& hooks) const {
    Pass pass{*this, hooks, ids, {}};
    return pass.run();
  }

 private:
  using Values = std::vector<float>;

  static std::size_t size(int value) { return static_cast<std::size_t>(value); }
  const Values& parameter(const std::string& name) const { return weights_.at(name); }
  bool has(const std::string& name) const { return weights_.contains(name); }
  double one(const std::string& name, std::size_t i, double otherwise) const {
    const auto found = weights_.find(name);
    return found == weights_.end() ? otherwise : static_cast<double>(found->second.at(i));
  }

  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  static double activation(const std::string& kind, double x) {
    if (kind == "silu") return x * sigmoid(x);
    if (kind == "gelu") return x / 2 * std::erfc(-x / std::sqrt(2.0));
    if (kind == "gelu_tanh") return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    return std::max(x, 0.0);  // relu
  }
  /// The activation of a gated kind; "" if it is none.
  static std::string gate_of(const std::string& ffn) {
    static const std::map<std::string, std::string> kinds = {
        {"swiglu", "silu"}, {"geglu", "gelu"}, {"geglu_tanh", "gelu_tanh"}, {"reglu", "relu"}, {"experts", "silu"}};
    const auto found = kinds.find(ffn);
    return found == kinds.end() ? "" : found->second;
  }

  struct Pass {
    const ForwardReference& model;
    const ReferenceHooks& hooks;
    const Array<std::int32_t>& ids;
    Numbers embedded;

    const TransformerConfig& config() const { return model.config_; }
    std::size_t batch() const { return ids.shape[0]; }
    std::size_t tokens() const { return ids.shape[1]; }
    Numbers zeros(std::size_t channels) const { return Numbers({ids.shape[0], ids.shape[1], static_cast<std::uint32_t>(channels)}); }
    void hook(Site site, Numbers& x, int index = 0, bool second = false) const {
      if (hooks.at) hooks.at(make_hook(config(), site, index, second), x);
    }

    // x W^T + b, b where there is one; of a matrix of several experts' rows that of number `expert`.
    Numbers linear(const Numbers& x, const std::string& name, std::size_t expert = 0, std::size_t experts = 1) const {
      const Values& w = model.parameter(name + ".weight");
      const std::size_t in = x.shape[2], out = w.size() / in / experts;
      Numbers y({x.shape[0], x.shape[1], static_cast<std::uint32_t>(out)});
      for (std::size_t row = 0; row < y.data.size() / out; ++row)
        for (std::size_t o = 0; o < out; ++o) {
          double& sum = y.data[row * out + o] = model.one(name + ".bias", expert * out + o, 0);
          for (std::size_t i = 0; i < in; ++i) sum += x.data[row * in + i] * static_cast<double>(w[(expert * out + o) * in + i]);
        }
      return y;
    }

    // Over every `width` channels.
    Numbers norm(const Numbers& x, const std::string& prefix, const std::string& kind, std::size_t width) const {
      Numbers y = x;
      for (std::size_t row = 0; row < x.data.size() / width; ++row) {
        double* at = &y.data[row * width];
        double mean = 0, squares = 0;
        for (std::size_t c = 0; c < width; ++c) mean += at[c] / static_cast<double>(width);
        if (kind != "layernorm") mean = 0;
        for (std::size_t c = 0; c < width; ++c) squares += (at[c] - mean) * (at[c] - mean) / static_cast<double>(width);
        for (std::size_t c = 0; c < width; ++c) {
          const double weight = kind == "rmsnorm_plus_one" ? 1 + model.one(prefix + ".weight", c, 1) : model.one(prefix + ".weight", c, 1);
          const double normed = kind == "dyt" ? std::tanh(model.one(prefix + ".alpha", 0, 1) * at[c])
                                              : (at[c] - mean) / std::sqrt(squares + config().norm_eps);
          at[c] = weight * normed + (kind == "layernorm" || kind == "dyt" ? model.one(prefix + ".bias", c, 0) : 0);
        }
      }
      return y;
    }
    Numbers norm(const Numbers& x, const std::string& prefix, const std::string& kind) const { return norm(x, prefix, kind, x.shape[2]); }
    Numbers norm_at(const Hook& place, const Numbers& x, const std::string& prefix, const std::string& kind) const {
      const std::string taken = hooks.norm ? hooks.norm(place, kind) : kind;
      return taken == "none" ? x : norm(x, prefix, taken);
    }

    // Of a head's first r channels the pairs (c, c + r / 2) turn by position * frequency c.
    void rotate(Numbers& x, int layer) const {
      const std::size_t head_dim = size(config().head_dim), half = size(config().rotated_channels(layer)) / 2;
      const Rotation rotation = ablate::rotation(config(), layer, ids.shape[1]);
      for (std::size_t row = 0; row < x.data.size() / x.shape[2]; ++row)
        for (std::size_t h = 0; h < x.shape[2] / head_dim; ++h)
          for (std::size_t c = 0; c < half; ++c) {
            double &a = x.data[row * x.shape[2] + h * head_dim + c], &b = x.data[row * x.shape[2] + h * head_dim + c + half];
            const double angle = static_cast<double>(row % tokens()) * rotation.frequencies[c];
            const double turned = (a * std::cos(angle) - b * std::sin(angle)) * rotation.magnitude;
            b = (b * std::cos(angle) + a * std::sin(angle)) * rotation.magnitude;
            a = turned;
          }
    }

    Numbers gated(const Numbers& y, const Numbers& x, const std::string& prefix, int layer, bool second) const {
      if (config().gate == "none") return y;
      Numbers z;
      if (config().gate_input == GateInput::hidden || config().gate_input == GateInput::embedding) {
        z = linear(config().gate_input == GateInput::hidden ? x : embedded, prefix + "gate_proj");
      } else {
        const auto width = static_cast<std::uint32_t>(gate_width(config()));
        z = Numbers({1, config().gate_input == GateInput::constant ? 1 : ids.shape[1], width});
        for (std::size_t i = 0; i < z.data.size(); ++i) z.data[i] = static_cast<double>(model.parameter(prefix + "gate")[i]);
      }
      hook(Site::head_gate, z, layer, second);
      Numbers result = y;
      const std::size_t width = z.shape[2], per = y.shape[2] / width;
      for (std::size_t b = 0; b < batch(); ++b)
        for (std::size_t t = 0; t < tokens(); ++t)
          for (std::size_t c = 0; c < y.shape[2]; ++c)
            result(b, t, c) *= sigmoid(z(z.shape[0] == 1 ? 0 : b, z.shape[1] == 1 ? 0 : t, c / per));
      return result;
    }

    // The part of a score's weight that is not yet divided by the sum of all.
    double weight_of(double score, std::size_t query) const {
      if (config().attention == "sigmoid") return sigmoid(score);
      if (config().attention == "relu") return std::max(score, 0.0) / static_cast<double>(query + 1);
      return std::exp(score);
    }

    Numbers heads_norm(const Numbers& x, const std::string& prefix) const {
      if (config().qk_norm == QkNorm::none) return x;
      return norm(x, prefix, config().norm, config().qk_norm == QkNorm::full ? x.shape[2] : size(config().head_dim));
    }

    Numbers attention(const Numbers& x, const std::string& prefix, int layer, bool second) const {
      const std::size_t heads = size(config().n_heads), groups = heads / size(config().n_kv_heads), head_dim = size(config().head_dim);
      Numbers q = heads_norm(linear(x, prefix + "q_proj"), prefix + "q_norm"),
              k = heads_norm(linear(x, prefix + "k_proj"), prefix + "k_norm"), v = linear(x, prefix + "v_proj");
      rotate(q, layer), rotate(k, layer);
      hook(Site::q, q, layer, second), hook(Site::k, k, layer, second), hook(Site::v, v, layer, second);
      const bool learned = config().attention_bias == AttentionBias::kv || config().attention_bias == AttentionBias::k;
      const bool is_softmax = config().attention == "softmax" || config().attention == "softmax1";
      const double scale = config().attention_scale > 0 ? config().attention_scale : 1 / std::sqrt(static_cast<double>(head_dim));
      const double cap = config().attention_softcap;
      const std::size_t window = config().sliding_window[layer] > 0 ? size(config().sliding_window[layer]) : tokens();
      Numbers y = zeros(heads * head_dim), map({ids.shape[0], static_cast<std::uint32_t>(heads), ids.shape[1], ids.shape[1]});
      const Hook probs = make_hook(config(), Site::probs, layer, second);
      for (std::size_t b = 0; b < batch(); ++b)
        for (std::size_t h = 0; h < heads; ++h)
          for (std::size_t i = 0; i < tokens(); ++i) {
            const auto weight = [&](const auto& key) {
              double sum = 0;
              for (std::size_t d = 0; d < head_dim; ++d) sum += q(b, i, h * head_dim + d) * key(d);
              sum *= scale;
              return weight_of(cap > 0 ? cap * std::tanh(sum / cap) : sum, i);
            };
            const std::size_t at = h / groups * head_dim;
            double total = config().attention == "softmax1" ? 1 : 0;
            if (config().attention_bias == AttentionBias::sink_logit)
              total += std::exp(static_cast<double>(model.parameter(prefix + "sinks")[h]));
            const auto bias = [&](const char* which, std::size_t d) { return model.one(prefix + which, at + d, 0); };
            double first = 0;
            if (learned) total += first = weight([&](std::size_t d) { return bias("k_bias", d); });
            for (std::size_t j = i + 1 > window ? i + 1 - window : 0; j <= i; ++j)
              if (j == i || !hooks.masked || !hooks.masked(probs, h, j))
                total += map(b, h, i, j) = weight([&](std::size_t d) { return k(b, j, at + d); });
            if (!is_softmax) total = 1;
            for (std::size_t j = 0; j <= i; ++j) map(b, h, i, j) /= total;
            for (std::size_t d = 0; d < head_dim; ++d) {
              double& sum = y(b, i, h * head_dim + d);
              if (learned) sum += first / total * bias("v_bias", d);
              for (std::size_t j = 0; j <= i; ++j) sum += map(b, h, i, j) * v(b, j, at + d);
            }
          }
      if (hooks.at) hooks.at(probs, map);
      y = gated(y, x, prefix, layer, second);
      hook(Site::heads_out, y, layer, second);
      return linear(y, prefix + "o_proj");
    }

    // Each channel's past by the weights of `name`, then SiLU.
    Numbers convolved(const Numbers& x, const std::string& name) const {
      Numbers y = x;
      const Values& w = model.parameter(name);
      const std::size_t taps = w.size() / x.shape[2];
      for (std::size_t b = 0; b < batch(); ++b)
        for (std::size_t t = 0; t < tokens(); ++t)
          for (std::size_t c = 0; c < x.shape[2]; ++c) {
            double sum = 0;
            for (std::size_t back = 0; back < taps && back <= t; ++back)
              sum += static_cast<double>(w[c * taps + taps - 1 - back]) * x(b, t - back, c);
            y(b, t, c) = activation("silu", sum);
          }
      return y;
    }

    static void divide_by_length(Numbers& x, std::size_t width) {
      for (std::size_t first = 0; first < x.data.size(); first += width) {
        double squares = 0;
        for (std::size_t c = 0; c < width; ++c) squares += x.data[first + c] * x.data[first + c];
        for (std::size_t c = 0; c < width; ++c) x.data[first + c] /= std::sqrt(squares + 1e-6);
      }
    }

    Numbers gated_deltanet(const Numbers& x, const std::string& prefix, int layer) const {
      const std::size_t heads = size(config().linear_value_heads), shared = heads / size(config().linear_key_heads),
                        key_dim = size(config().linear_key_dim), value_dim = size(config().linear_value_dim);
      Numbers q = convolved(linear(x, prefix + "q_proj"), prefix + "q_conv.weight"),
              k = convolved(linear(x, prefix + "k_proj"), prefix + "k_conv.weight"),
              v = convolved(linear(x, prefix + "v_proj"), prefix + "v_conv.weight");
      divide_by_length(q, key_dim), divide_by_length(k, key_dim);
      hook(Site::q, q, layer), hook(Site::k, k, layer), hook(Site::v, v, layer);
      Numbers decay = linear(x, prefix + "a_proj"), beta = linear(x, prefix + "b_proj");
      for (std::size_t i = 0; i < decay.data.size(); ++i) {
        const std::size_t h = i % heads;
        decay.data[i] = std::exp(-std::exp(model.one(prefix + "A_log", h, 0)) *
                                 std::log1p(std::exp(decay.data[i] + model.one(prefix + "dt_bias", h, 0))));
        beta.data[i] = sigmoid(beta.data[i]);
      }
      hook(Site::decay, decay, layer), hook(Site::beta, beta, layer);
      Numbers y = zeros(heads * value_dim);
      for (std::size_t b = 0; b < batch(); ++b)
        for (std::size_t h = 0; h < heads; ++h)
          for (std::size_t j = 0; j < value_dim; ++j) {
            std::vector<double> state(key_dim);
            for (std::size_t t = 0; t < tokens(); ++t) {
              const std::size_t at = h / shared * key_dim;
              double held = 0;
              for (std::size_t i = 0; i < key_dim; ++i) held += (state[i] *= decay(b, t, h)) * k(b, t, at + i);
              const double change = beta(b, t, h) * (v(b, t, h * value_dim + j) - held);
              for (std::size_t i = 0; i < key_dim; ++i) {
                state[i] += change * k(b, t, at + i);
                y(b, t, h * value_dim + j) += state[i] * q(b, t, at + i) / std::sqrt(static_cast<double>(key_dim));
              }
            }
          }
      y = norm(y, prefix + "norm", "rmsnorm", value_dim);
      Numbers gate = linear(x, prefix + "gate_proj");
      hook(Site::head_gate, gate, layer);
      for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] *= activation("silu", gate.data[i]);
      hook(Site::heads_out, y, layer);
      return linear(y, prefix + "o_proj");
    }

    double gated_unit(const std::string& kind, double gate, double up) const {
      if (kind != "experts_clamped") return activation(gate_of(kind), gate) * up;
      const double g = std::min(gate, config().swiglu_limit);
      return (std::clamp(up, -config().swiglu_limit, config().swiglu_limit) + 1) * g * sigmoid(config().swiglu_alpha * g);
    }

    // Of each token's slots, (B, T, chosen * width), what its experts make of x: (B, T, in), or one such for each slot.
    Numbers of_experts(const Numbers& x, const std::string& name, const std::vector<std::size_t>& picked, std::size_t chosen) const {
      const std::size_t experts = size(config().n_experts), slots = picked.size() / (batch() * tokens());
      const std::size_t in = x.shape[2] / (chosen == 1 ? 1 : slots);
      Numbers all;
      for (std::size_t s = 0; s < picked.size(); ++s) {
        Numbers one({1, 1, static_cast<std::uint32_t>(in)});
        const std::size_t from = chosen == 1 ? s / slots * in : s * in;
        std::copy_n(x.data.begin() + static_cast<std::ptrdiff_t>(from), in, one.data.begin());
        const Numbers y = linear(one, name, picked[s], experts);
        if (s == 0) all = zeros(slots * y.data.size());
        std::copy(y.data.begin(), y.data.end(), all.data.begin() + static_cast<std::ptrdiff_t>(s * y.data.size()));
      }
      return all;
    }

    Numbers mixture(const Numbers& x, const std::string& prefix, int layer) const {
      const std::string& kind = config().ffn[layer];
      const std::size_t experts = size(config().n_experts), slots = size(config().experts_per_token);
      Numbers logits = linear(x, prefix + "router");
      hook(Site::router, logits, layer, true);
      std::vector<std::size_t> picked;
      std::vector<double> weights;
      for (std::size_t row = 0; row < batch() * tokens(); ++row) {
        const double* own = &logits.data[row * experts];
        std::vector<std::size_t> order(experts);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return own[a] > own[b]; });
        double sum = 0;
        for (std::size_t i = 0; i < (config().norm_expert_weights ? slots : experts); ++i) sum += std::exp(own[order[i]]);
        for (std::size_t i = 0; i < slots; ++i) picked.push_back(order[i]), weights.push_back(std::exp(own[order[i]]) / sum);
      }
      Numbers gate = of_experts(x, prefix + "experts.gate_proj", picked, 1), act = of_experts(x, prefix + "experts.up_proj", picked, 1);
      hook(Site::ffn_gate, gate, layer, true), hook(Site::ffn_up, act, layer, true);
      for (std::size_t i = 0; i < act.data.size(); ++i) act.data[i] = gated_unit(kind, gate.data[i], act.data[i]);
      hook(Site::ffn_act, act, layer, true);
      const Numbers down = of_experts(act, prefix + "experts.down_proj", picked, slots);
      Numbers y = zeros(x.shape[2]);
      for (std::size_t i = 0; i < down.data.size(); ++i) {
        const std::size_t slot = i / x.shape[2];
        y.data[slot / slots * x.shape[2] + i % x.shape[2]] += weights[slot] * down.data[i];
      }
      if (config().d_shared_expert == 0) return y;
      const std::string name = prefix + "shared_expert";
      const Numbers g = linear(x, name + ".gate_proj"), open = linear(x, name + "_gate");
      Numbers u = linear(x, name + ".up_proj");
      for (std::size_t i = 0; i < u.data.size(); ++i) u.data[i] *= activation("silu", g.data[i]);
      const Numbers more = linear(u, name + ".down_proj");
      for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += sigmoid(open.data[i / x.shape[2]]) * more.data[i];
      return y;
    }

    Numbers feed_forward(const Numbers& x, const std::string& prefix, int layer) const {
      const std::string& kind = config().ffn[layer];
      if (kind == "attention") return attention(x, prefix, layer, true);
      if (kind == "linear") return linear(x, prefix + "proj");
      if (config().is_mixture(layer)) return mixture(x, prefix, layer);
      const bool is_gated = !gate_of(kind).empty();
      Numbers gate;
      if (is_gated) {
        gate = linear(x, prefix + "gate_proj");
        hook(Site::ffn_gate, gate, layer, true);
      }
      Numbers act = linear(x, prefix + "up_proj");
      hook(Site::ffn_up, act, layer, true);
      for (std::size_t i = 0; i < act.data.size(); ++i)
        act.data[i] = is_gated ? gated_unit(kind, gate.data[i], act.data[i]) : activation(kind, act.data[i]);
      hook(Site::ffn_act, act, layer, true);
      return linear(act, prefix + "down_proj");
    }

    static std::string prefix_of(int layer) { return "model.layers." + std::to_string(layer) + "."; }
    static const char* place_of(bool second) { return second ? "ffn" : "attn"; }

    // What a block adds to the residual stream.
    Numbers output(const Numbers& h, int layer, bool second) const {
      const std::string prefix = prefix_of(layer);
      const Hook input = make_hook(config(), Site::input_norm, layer, second);
      Numbers x =
          input.input_has_norm ? norm_at(input, h, prefix + (second ? "post_attention_layernorm" : "input_layernorm"), config().norm) : h;
      hook(Site::input_norm, x, layer, second);
      Numbers out = second                    ? feed_forward(x, prefix + "mlp.", layer)
                    : config().attends(layer) ? attention(x, prefix + "self_attn.", layer, false)
                                              : gated_deltanet(x, prefix + "linear_attn.", layer);
      if (config().output_norm) out = norm(out, prefix + place_of(second) + "_output_layernorm", config().norm);
      hook(Site::block, out, config().has_ffn() ? 2 * layer + 1 + second : layer + 1);
      return out;
    }

    static void add(Numbers& sum, const Numbers& x) {
      for (std::size_t i = 0; i < sum.data.size(); ++i) sum.data[i] += x.data[i];
    }

    Numbers block(Numbers h, int layer, bool second) const {
      add(h, output(h, layer, second));
      if (config().post_norm) h = norm(h, prefix_of(layer) + "post_" + place_of(second) + "_layernorm", config().norm);
      hook(Site::residual, h, config().has_ffn() ? 2 * layer + 1 + second : layer + 1);
      return h;
    }

    Numbers parallel_blocks(Numbers h, int layer) const {
      const Numbers first = output(h, layer, false), second = output(h, layer, true);
      add(h, first), add(h, second);
      hook(Site::residual, h, layer + 1);
      return h;
    }

    Numbers embed() {
      const std::size_t width = size(config().embedding_width());
      embedded = zeros(width);
      const Values& table = model.parameter("model.embed_tokens.weight");
      for (std::size_t i = 0; i < embedded.data.size(); ++i)
        embedded.data[i] =
            config().embedding_scale * static_cast<double>(table[static_cast<std::size_t>(ids.data[i / width]) * width + i % width]);
      Numbers h = config().embedding_dim > 0 ? linear(embedded, "model.project_in") : embedded;
      if (config().position != Position::learned) return h;
      const std::size_t wide = h.shape[2];
      const Values& positions = model.parameter("model.embed_positions.weight");
      for (std::size_t i = 0; i < h.data.size(); ++i)
        h.data[i] += static_cast<double>(positions[(i / wide % tokens() + size(config().position_offset)) * wide + i % wide]);
      return h;
    }

    Numbers logits_of(const Numbers& h) const {
      Numbers x = config().embedding_dim > 0 ? linear(h, "model.project_out") : h;
      Numbers logits = linear(x, config().tie_embeddings ? "model.embed_tokens" : "lm_head");
      const double cap = config().logit_softcap;
      if (cap > 0)
        for (double& logit : logits.data) logit = cap * std::tanh(logit / cap);
      hook(Site::logits, logits);
      return logits;
    }

    std::vector<double> run() {
      Numbers h = embed();
      hook(Site::residual, h);
      for (int layer = 0; layer < config().n_layers; ++layer) {
        if (config().parallel_residual) h = parallel_blocks(h, layer);
        else h = config().has_ffn() ? block(block(h, layer, false), layer, true) : block(h, layer, false);
      }
      h = norm_at(make_hook(config(), Site::final_norm, 0), h, "model.norm", config().final_norm_kind());
      hook(Site::final_norm, h);
      const Numbers logits = logits_of(h);
      std::vector<double> losses(batch() * tokens());
      for (std::size_t b = 0; b < batch(); ++b)
        for (std::size_t t = 0; t < tokens(); ++t) {
          double total = 0;
          for (std::size_t c = 0; c < logits.shape[2]; ++c) total += std::exp(logits(b, t, c));
          losses[b * tokens() + t] = std::log(total) - logits(b, t, static_cast<std::size_t>(ids(b, (t + 1) % tokens())));
        }
      return losses;
    }
  };

  TransformerConfig config_;
  std::map<std::string, Values> weights_;
};

}  // namespace ablate::test
