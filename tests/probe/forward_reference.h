// The forward pass by its definition, in double precision on the host, with the same hook points: what interventions are compared with.
#pragma once

#include "model/hooks.h"
#include "model/weights.h"
#include "support/op_test.h"

#include <cmath>
#include <functional>
#include <map>
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

  /// The loss of every position, (B * T); the last of a sequence is followed by its first. ids: (B, T).
  std::vector<double> losses(const Array<std::int32_t>& ids, const ReferenceHooks& hooks) const {
    Pass pass{*this, hooks, ids};
    return pass.run();
  }

 private:
  using Values = std::vector<float>;

  static std::size_t size(int value) { return static_cast<std::size_t>(value); }
  const Values& parameter(const std::string& name) const { return weights_.at(name); }
  double one(const std::string& name, std::size_t i, double otherwise) const {
    const auto found = weights_.find(name);
    return found == weights_.end() ? otherwise : static_cast<double>(found->second.at(i));
  }

  struct Pass {
    const ForwardReference& model;
    const ReferenceHooks& hooks;
    const Array<std::int32_t>& ids;

    const TransformerConfig& config() const { return model.config_; }
    std::size_t batch() const { return ids.shape[0]; }
    std::size_t tokens() const { return ids.shape[1]; }
    Numbers zeros(std::size_t channels) const { return Numbers({ids.shape[0], ids.shape[1], static_cast<std::uint32_t>(channels)}); }
    void hook(Site site, Numbers& x, int index = 0, bool second = false) const {
      if (hooks.at) hooks.at(make_hook(config(), site, index, second), x);
    }

    // x W^T
    Numbers linear(const Numbers& x, const std::string& name) const {
      const Values& w = model.parameter(name);
      const std::size_t in = x.shape[2], out = w.size() / in;
      Numbers y({x.shape[0], x.shape[1], static_cast<std::uint32_t>(out)});
      for (std::size_t row = 0; row < y.data.size() / out; ++row)
        for (std::size_t o = 0; o < out; ++o)
          for (std::size_t i = 0; i < in; ++i) y.data[row * out + o] += x.data[row * in + i] * static_cast<double>(w[o * in + i]);
      return y;
    }

    Numbers norm(const Numbers& x, const std::string& prefix, const std::string& kind) const {
      Numbers y = x;
      const std::size_t width = x.shape[2];
      for (std::size_t row = 0; row < x.data.size() / width; ++row) {
        double* at = &y.data[row * width];
        double mean = 0, squares = 0;
        for (std::size_t c = 0; c < width; ++c) mean += at[c] / static_cast<double>(width);
        if (kind != "layernorm") mean = 0;
        for (std::size_t c = 0; c < width; ++c) squares += (at[c] - mean) * (at[c] - mean) / static_cast<double>(width);
        for (std::size_t c = 0; c < width; ++c) {
          const double weight = model.one(prefix + ".weight", c, 1);
          at[c] = weight * (kind == "dyt" ? std::tanh(model.one(prefix + ".alpha", 0, 1) * at[c])
                                          : (at[c] - mean) / std::sqrt(squares + config().norm_eps));
        }
      }
      return y;
    }
    Numbers norm_at(const Hook& place, const Numbers& x, const std::string& prefix, const std::string& kind) const {
      return norm(x, prefix, hooks.norm ? hooks.norm(place, kind) : kind);
    }

    // Pairs of channels (c, c + head_dim / 2) of every head turn by position * theta^(-2c / head_dim).
    void rotate(Numbers& x) const {
      const std::size_t head_dim = size(config().head_dim), half = head_dim / 2;
      for (std::size_t row = 0; row < x.data.size() / x.shape[2]; ++row)
        for (std::size_t h = 0; h < x.shape[2] / head_dim; ++h)
          for (std::size_t c = 0; c < half; ++c) {
            double &a = x.data[row * x.shape[2] + h * head_dim + c], &b = x.data[row * x.shape[2] + h * head_dim + c + half];
            const double angle = static_cast<double>(row % tokens()) *
                                 std::pow(config().rope_theta[0], -2.0 * static_cast<double>(c) / static_cast<double>(head_dim));
            const double turned = a * std::cos(angle) - b * std::sin(angle);
            b = b * std::cos(angle) + a * std::sin(angle);
            a = turned;
          }
    }

    Numbers gated(const Numbers& y, const Numbers& x, const std::string& prefix, int layer, bool second) const {
      if (config().gate == "none") return y;
      const bool own = config().gate_input == GateInput::hidden;
      Numbers z;
      if (own) {
        z = linear(x, prefix + "gate_proj.weight");
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
          for (std::size_t c = 0; c < y.shape[2]; ++c) {
            const double logit = z(z.shape[0] == 1 ? 0 : b, z.shape[1] == 1 ? 0 : t, c / per);
            result(b, t, c) *= 1 / (1 + std::exp(-logit));
          }
      return result;
    }

    Numbers attention(const Numbers& x, const std::string& prefix, int layer, bool second) const {
      const std::size_t heads = size(config().n_heads), groups = heads / size(config().n_kv_heads), head_dim = size(config().head_dim);
      Numbers q = linear(x, prefix + "q_proj.weight"), k = linear(x, prefix + "k_proj.weight"), v = linear(x, prefix + "v_proj.weight");
      if (config().position == Position::rope) rotate(q), rotate(k);
      hook(Site::q, q, layer, second), hook(Site::k, k, layer, second), hook(Site::v, v, layer, second);
      const bool learned = config().attention_bias == AttentionBias::kv;
      Numbers y = zeros(heads * head_dim), map({ids.shape[0], static_cast<std::uint32_t>(heads), ids.shape[1], ids.shape[1]});
      const Hook probs = make_hook(config(), Site::probs, layer, second);
      for (std::size_t b = 0; b < batch(); ++b)
        for (std::size_t h = 0; h < heads; ++h)
          for (std::size_t i = 0; i < tokens(); ++i) {
            const auto score = [&](const auto& key) {
              double sum = 0;
              for (std::size_t d = 0; d < head_dim; ++d) sum += q(b, i, h * head_dim + d) * key(d);
              return std::exp(sum / std::sqrt(static_cast<double>(head_dim)));
            };
            const std::size_t at = h / groups * head_dim;
            double total = 0;
            const auto bias = [&](const char* which, std::size_t d) {
              return static_cast<double>(model.parameter(prefix + which)[at + d]);
            };
            double first = 0;
            if (learned) total += first = score([&](std::size_t d) { return bias("k_bias", d); });
            for (std::size_t j = 0; j <= i; ++j)
              if (j == i || !hooks.masked || !hooks.masked(probs, h, j))
                total += map(b, h, i, j) = score([&](std::size_t d) { return k(b, j, at + d); });
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
      return linear(y, prefix + "o_proj.weight");
    }

    Numbers feed_forward(const Numbers& x, const std::string& prefix, int layer) const {
      if (config().ffn == "attention") return attention(x, prefix, layer, true);
      Numbers gate;
      if (config().ffn == "swiglu") {
        gate = linear(x, prefix + "gate_proj.weight");
        hook(Site::ffn_gate, gate, layer, true);
      }
      Numbers act = linear(x, prefix + "up_proj.weight");
      hook(Site::ffn_up, act, layer, true);
      for (std::size_t i = 0; i < act.data.size(); ++i)
        act.data[i] = config().ffn == "swiglu" ? act.data[i] * gate.data[i] / (1 + std::exp(-gate.data[i])) : std::max(act.data[i], 0.0);
      hook(Site::ffn_act, act, layer, true);
      return linear(act, prefix + "down_proj.weight");
    }

    Numbers block(const Numbers& h, int layer, bool second) const {
      const std::string prefix = "model.layers." + std::to_string(layer) + ".", place = second ? "ffn" : "attn";
      const Hook input = make_hook(config(), Site::input_norm, layer, second);
      Numbers x =
          input.input_has_norm ? norm_at(input, h, prefix + (second ? "post_attention_layernorm" : "input_layernorm"), config().norm) : h;
      hook(Site::input_norm, x, layer, second);
      Numbers out = second ? feed_forward(x, prefix + "mlp.", layer) : attention(x, prefix + "self_attn.", layer, false);
      if (config().output_norm) out = norm(out, prefix + place + "_output_layernorm", config().norm);
      const int number = 2 * layer + 1 + second;
      hook(Site::block, out, number);
      Numbers sum = h;
      for (std::size_t i = 0; i < sum.data.size(); ++i) sum.data[i] += out.data[i];
      if (config().post_norm) sum = norm(sum, prefix + "post_" + place + "_layernorm", config().norm);
      hook(Site::residual, sum, number);
      return sum;
    }

    std::vector<double> run() {
      const std::size_t width = size(config().d_model);
      Numbers h = zeros(width);
      for (std::size_t i = 0; i < h.data.size(); ++i) {
        const std::size_t token = i / width;
        h.data[i] = static_cast<double>(
            model.parameter("model.embed_tokens.weight")[static_cast<std::size_t>(ids.data[token]) * width + i % width]);
        if (config().position == Position::learned)
          h.data[i] += static_cast<double>(model.parameter("model.embed_positions.weight")[token % tokens() * width + i % width]);
      }
      hook(Site::residual, h);
      for (int layer = 0; layer < config().n_layers; ++layer) h = block(block(h, layer, false), layer, true);
      h = norm_at(make_hook(config(), Site::final_norm, 0), h, "model.norm", config().final_norm_kind());
      hook(Site::final_norm, h);
      Numbers logits = linear(h, "lm_head.weight");
      hook(Site::logits, logits);
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
