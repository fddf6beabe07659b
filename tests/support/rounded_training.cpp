#include "support/rounded_training.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>

namespace ablate::test {
namespace {

using Numbers = std::vector<double>;

/// A value of the forward pass and its gradient. A leaf's gradient is exact.
struct Node {
  Numbers value, gradient{};
  bool leaf = false;
};

/// One step's forward pass, which remembers how to go back.
class Pass {
 public:
  Pass(const TransformerConfig& config, std::map<std::string, RoundedTraining::Parameter>& parameters, std::optional<DType> type,
       std::size_t batch, std::size_t tokens)
      : c_(config), parameters_(parameters), type_(type), batch_(batch), tokens_(tokens), rows_(batch * tokens) {}

  /// Mean loss over the counted targets (negative: not counted), with `scale` / count as their weight going back.
  double run(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets, double count, double scale) {
    const double loss = cross_entropy(hidden(ids), head(), targets, count, scale);
    for (auto back = backward_.rbegin(); back != backward_.rend(); ++back) (*back)();
    for (const auto& [name, node] : leaves_) parameters_.at(name).gradient = node->gradient;
    return loss;
  }

 private:
  double round(double x) const { return type_ ? static_cast<double>(round_to(*type_, static_cast<float>(x))) : x; }

  Node& make(std::size_t size) { return nodes_.emplace_back(Node{Numbers(size)}); }

  Node& parameter(const std::string& name) {
    if (const auto known = leaves_.find(name); known != leaves_.end()) return *known->second;
    const auto& p = parameters_.at(name);
    Node& node = make(p.value.size());
    node.leaf = true;
    for (std::size_t i = 0; i < p.value.size(); ++i) node.value[i] = p.matrix ? round(p.value[i]) : p.value[i];
    return *leaves_.emplace(name, &node).first->second;
  }
  bool has(const std::string& name) const { return parameters_.contains(name); }

  // What reaches `x` one way, on top of what reached it before.
  void give(Node& x, const Numbers& part) const {
    if (x.gradient.empty()) x.gradient.assign(part.size(), 0.0);
    for (std::size_t i = 0; i < part.size(); ++i) {
      const double sum = x.gradient[i] + part[i];
      x.gradient[i] = x.leaf ? sum : round(sum);
    }
  }

  void store(Node& y) const {
    for (double& x : y.value) x = round(x);
  }

  // y = x W^T (+ residual)
  Node& linear(Node& x, const std::string& name, Node* residual = nullptr) {
    Node& w = parameter(name);
    const std::size_t in = x.value.size() / rows_, out = w.value.size() / in;
    Node& y = make(rows_ * out);
    for (std::size_t r = 0; r < rows_; ++r)
      for (std::size_t o = 0; o < out; ++o) {
        double sum = residual ? residual->value[r * out + o] : 0.0;
        for (std::size_t i = 0; i < in; ++i) sum += x.value[r * in + i] * w.value[o * in + i];
        y.value[r * out + o] = sum;
      }
    store(y);
    backward_.push_back([&, residual, in, out, this] {
      Numbers dx(x.value.size()), dw(w.value.size());
      for (std::size_t r = 0; r < rows_; ++r)
        for (std::size_t o = 0; o < out; ++o)
          for (std::size_t i = 0; i < in; ++i) {
            dx[r * in + i] += y.gradient[r * out + o] * w.value[o * in + i];
            dw[o * in + i] += y.gradient[r * out + o] * x.value[r * in + i];
          }
      give(x, dx);
      give(w, dw);
      if (residual) give(*residual, y.gradient);
    });
    return y;
  }

  // Over the last `width` channels of x: RMS or layer normalisation, or dynamic tanh.
  Node& norm(Node& x, const std::string& prefix, const std::string& kind) {
    Node& weight = parameter(prefix + ".weight");
    const std::size_t width = weight.value.size(), rows = x.value.size() / width;
    Node& y = make(x.value.size());
    if (kind == "dyt") {
      Node& alpha = parameter(prefix + ".alpha");
      Node* bias = has(prefix + ".bias") ? &parameter(prefix + ".bias") : nullptr;
      for (std::size_t i = 0; i < y.value.size(); ++i)
        y.value[i] = std::tanh(alpha.value[0] * x.value[i]) * weight.value[i % width] + (bias ? bias->value[i % width] : 0.0);
      store(y);
      backward_.push_back([&, bias, width, this] {
        Numbers dx(x.value.size()), dw(width), db(width), da(1);
        for (std::size_t i = 0; i < dx.size(); ++i) {
          const double t = std::tanh(alpha.value[0] * x.value[i]), inner = y.gradient[i] * weight.value[i % width] * (1 - t * t);
          dx[i] = inner * alpha.value[0];
          dw[i % width] += y.gradient[i] * t;
          db[i % width] += y.gradient[i];
          da[0] += inner * x.value[i];
        }
        give(x, dx), give(weight, dw), give(alpha, da);
        if (bias) give(*bias, db);
      });
      return y;
    }
    const bool centered = kind == "layernorm";
    Numbers mean(rows), rstd(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      const double* row = &x.value[r * width];
      for (std::size_t i = 0; centered && i < width; ++i) mean[r] += row[i] / static_cast<double>(width);
      double square = 0;
      for (std::size_t i = 0; i < width; ++i) square += (row[i] - mean[r]) * (row[i] - mean[r]);
      rstd[r] = 1 / std::sqrt(square / static_cast<double>(width) + c_.norm_eps);
      for (std::size_t i = 0; i < width; ++i) y.value[r * width + i] = (row[i] - mean[r]) * rstd[r] * weight.value[i];
    }
    store(y);
    backward_.push_back([&, mean, rstd, width, rows, centered, this] {
      Numbers dx(x.value.size()), dw(width);
      for (std::size_t r = 0; r < rows; ++r) {
        double along = 0, level = 0;
        const auto n = [&](std::size_t i) { return (x.value[r * width + i] - mean[r]) * rstd[r]; };
        for (std::size_t i = 0; i < width; ++i) {
          const double g = y.gradient[r * width + i] * weight.value[i];
          along += g * n(i) / static_cast<double>(width);
          if (centered) level += g / static_cast<double>(width);
          dw[i] += y.gradient[r * width + i] * n(i);
        }
        for (std::size_t i = 0; i < width; ++i)
          dx[r * width + i] = rstd[r] * (y.gradient[r * width + i] * weight.value[i] - level - n(i) * along);
      }
      give(x, dx);
      give(weight, dw);
    });
    return y;
  }

  // Rotates halves of every head; going back, the other way.
  void rotate(const Numbers& x, Numbers& y, double direction) const {
    const auto dim = static_cast<std::size_t>(c_.head_dim), half = dim / 2, width = x.size() / rows_;
    for (std::size_t r = 0; r < rows_; ++r)
      for (std::size_t h = 0; h < width / dim; ++h)
        for (std::size_t i = 0; i < half; ++i) {
          const double angle =
              static_cast<double>(r % tokens_) * std::pow(c_.rope_theta[0], -2.0 * static_cast<double>(i) / static_cast<double>(dim));
          const double cos = std::cos(angle), sin = direction * std::sin(angle);
          const std::size_t a = r * width + h * dim + i, b = a + half;
          y[a] = x[a] * cos - x[b] * sin;
          y[b] = x[b] * cos + x[a] * sin;
        }
  }
  Node& rope(Node& x) {
    Node& y = make(x.value.size());
    rotate(x.value, y.value, 1);
    store(y);
    backward_.push_back([&, this] {
      Numbers dx(x.value.size());
      rotate(y.gradient, dx, -1);
      give(x, dx);
    });
    return y;
  }

  // The keys that query i of a head sees: a learned one first, where there is one, then those of tokens 0 .. i.
  struct Row {
    Numbers score, weight;
    double sink = 0;  // the sink logit's weight
  };
  Row scores(const Node& q, const Node& k, const Node* learned, const Node* sinks, std::size_t b, std::size_t h, std::size_t i) const {
    const auto dim = static_cast<std::size_t>(c_.head_dim), heads = static_cast<std::size_t>(c_.n_heads),
               kv_heads = static_cast<std::size_t>(c_.n_kv_heads), kv = h / (heads / kv_heads);
    Row row;
    const auto score = [&](const double* key) {
      double sum = 0;
      for (std::size_t d = 0; d < dim; ++d) sum += q.value[((b * tokens_ + i) * heads + h) * dim + d] * key[d];
      row.score.push_back(sum / std::sqrt(static_cast<double>(dim)));
    };
    if (learned) score(&learned->value[kv * dim]);
    for (std::size_t j = 0; j <= i; ++j) score(&k.value[((b * tokens_ + j) * kv_heads + kv) * dim]);
    double sum = c_.attention == "softmax1" ? 1.0 : 0.0;  // scores are small: nothing is subtracted
    if (sinks) sum += std::exp(sinks->value[h]);
    for (const double s : row.score) sum += std::exp(s);
    for (const double s : row.score)
      row.weight.push_back(c_.attention == "sigmoid" ? 1 / (1 + std::exp(-s))
                           : c_.attention == "relu"  ? std::max(s, 0.0) / static_cast<double>(i + 1)
                                                     : std::exp(s) / sum);
    if (sinks) row.sink = std::exp(sinks->value[h]) / sum;
    return row;
  }

  double score_gradient(const Row& row, std::size_t j, double dweight, double delta, std::size_t i) const {
    if (c_.attention == "sigmoid") return row.weight[j] * (1 - row.weight[j]) * dweight;
    if (c_.attention == "relu") return row.weight[j] > 0 ? dweight / static_cast<double>(i + 1) : 0.0;
    return row.weight[j] * (dweight - delta);
  }

  Node& attend(Node& q, Node& k, Node& v, const std::string& prefix) {
    const auto dim = static_cast<std::size_t>(c_.head_dim), heads = static_cast<std::size_t>(c_.n_heads),
               kv_heads = static_cast<std::size_t>(c_.n_kv_heads);
    const auto optional = [&](const char* name) { return has(prefix + name) ? &parameter(prefix + name) : nullptr; };
    Node *sinks = optional("sinks"), *learned_key = optional("k_bias"), *learned_value = optional("v_bias");
    Node& y = make(q.value.size());
    const auto value_of = [=, this, &v](std::size_t b, std::size_t kv, std::size_t column) -> const double* {
      if (learned_key && column == 0) return learned_value ? &learned_value->value[kv * dim] : nullptr;
      return &v.value[((b * tokens_ + column - (learned_key ? 1 : 0)) * kv_heads + kv) * dim];
    };
    for (std::size_t b = 0; b < batch_; ++b)
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t i = 0; i < tokens_; ++i) {
          const Row row = scores(q, k, learned_key, sinks, b, h, i);
          for (std::size_t j = 0; j < row.weight.size(); ++j)
            if (const double* value = value_of(b, h / (heads / kv_heads), j))
              for (std::size_t d = 0; d < dim; ++d) y.value[((b * tokens_ + i) * heads + h) * dim + d] += row.weight[j] * value[d];
        }
    store(y);
    backward_.push_back([=, this, &q, &k, &v, &y] {
      Numbers dq(q.value.size()), dk(k.value.size()), dv(v.value.size()), dsinks(heads), dkey(kv_heads * dim), dvalue(kv_heads * dim);
      const double scale = 1 / std::sqrt(static_cast<double>(dim));
      for (std::size_t b = 0; b < batch_; ++b)
        for (std::size_t h = 0; h < heads; ++h)
          for (std::size_t i = 0; i < tokens_; ++i) {
            const std::size_t at = ((b * tokens_ + i) * heads + h) * dim, kv = h / (heads / kv_heads);
            const Row row = scores(q, k, learned_key, sinks, b, h, i);
            double delta = 0;
            for (std::size_t d = 0; d < dim; ++d) delta += y.value[at + d] * y.gradient[at + d];
            if (sinks) dsinks[h] -= row.sink * delta;
            for (std::size_t j = 0; j < row.weight.size(); ++j) {
              const bool is_learned = learned_key && j == 0;
              const std::size_t key_at = is_learned ? kv * dim : ((b * tokens_ + j - (learned_key ? 1 : 0)) * kv_heads + kv) * dim;
              const double* value = value_of(b, kv, j);
              double dweight = 0;
              for (std::size_t d = 0; value && d < dim; ++d) dweight += y.gradient[at + d] * value[d];
              const double ds = score_gradient(row, j, dweight, delta, i) * scale;
              const Numbers& keys = is_learned ? learned_key->value : k.value;
              for (std::size_t d = 0; d < dim; ++d) {
                dq[at + d] += ds * keys[key_at + d];
                (is_learned ? dkey : dk)[key_at + d] += ds * q.value[at + d];
                if (value) (is_learned ? dvalue : dv)[key_at + d] += row.weight[j] * y.gradient[at + d];
              }
            }
          }
      give(q, dq), give(k, dk), give(v, dv);
      if (sinks) give(*sinks, dsinks);
      if (learned_key) give(*learned_key, dkey);
      if (learned_value) give(*learned_value, dvalue);
    });
    return y;
  }

  // y * sigmoid(z): z has a logit for each channel, each head or the whole token; of its own, or shared by tokens.
  Node& gated(Node& y, Node& z, std::size_t width) {
    const std::size_t channels = y.value.size() / rows_, group = channels / width;
    Node& out = make(y.value.size());
    const auto logit = [=, this, &z](std::size_t r, std::size_t i) {
      const std::size_t token = !z.leaf ? r : c_.gate_input == GateInput::constant ? 0 : r % tokens_;
      return token * width + i / group;
    };
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    for (std::size_t r = 0; r < rows_; ++r)
      for (std::size_t i = 0; i < channels; ++i) out.value[r * channels + i] = y.value[r * channels + i] * sigmoid(z.value[logit(r, i)]);
    store(out);
    backward_.push_back([=, this, &y, &z, &out] {
      Numbers dy(y.value.size()), dz(z.value.size());
      for (std::size_t r = 0; r < rows_; ++r)
        for (std::size_t i = 0; i < channels; ++i) {
          const std::size_t at = r * channels + i;
          const double open = sigmoid(z.value[logit(r, i)]);
          dy[at] = out.gradient[at] * open;
          dz[logit(r, i)] += out.gradient[at] * y.value[at] * open * (1 - open);
        }
      give(y, dy);
      give(z, dz);
    });
    return out;
  }

  Node& heads_norm(Node& x, const std::string& name) { return c_.qk_norm == QkNorm::none ? x : norm(x, name, c_.norm); }

  Node& attention_block(Node& x, Node* residual, const std::string& prefix) {
    Node* q = &linear(x, prefix + "q_proj.weight");
    q = &heads_norm(*q, prefix + "q_norm");
    Node* k = &linear(x, prefix + "k_proj.weight");
    k = &heads_norm(*k, prefix + "k_norm");
    if (c_.position == Position::rope) q = &rope(*q), k = &rope(*k);
    Node& v = linear(x, prefix + "v_proj.weight");
    Node* y = &attend(*q, *k, v, prefix);
    if (c_.gate != "none") {
      const bool projected = c_.gate_input == GateInput::hidden || c_.gate_input == GateInput::embedding;
      Node& z =
          projected ? linear(c_.gate_input == GateInput::hidden ? x : *embedded_, prefix + "gate_proj.weight") : parameter(prefix + "gate");
      const std::size_t width = c_.gate == "channel" ? y->value.size() / rows_
                                : c_.gate == "head"  ? static_cast<std::size_t>(c_.n_heads)
                                                     : 1;
      y = &gated(*y, z, width);
    }
    return linear(*y, prefix + "o_proj.weight", residual);
  }

  // Of one argument, or times a second.
  Node& activated(Node& x, Node* up) {
    const std::string kind = up ? "silu" : c_.ffn[0];
    const auto value = [kind](double a) {
      if (kind == "relu") return std::max(a, 0.0);
      return kind == "gelu" ? a * 0.5 * std::erfc(-a / std::sqrt(2.0)) : a / (1 + std::exp(-a));
    };
    const auto slope = [kind](double a) {
      if (kind == "relu") return a > 0 ? 1.0 : 0.0;
      if (kind == "gelu") return 0.5 * std::erfc(-a / std::sqrt(2.0)) + a * std::exp(-0.5 * a * a) / std::sqrt(2 * M_PI);
      const double s = 1 / (1 + std::exp(-a));
      return s + a * s * (1 - s);
    };
    Node& y = make(x.value.size());
    for (std::size_t i = 0; i < y.value.size(); ++i) y.value[i] = value(x.value[i]) * (up ? up->value[i] : 1.0);
    store(y);
    backward_.push_back([=, this, &x, &y] {
      Numbers dx(x.value.size()), dup(x.value.size());
      for (std::size_t i = 0; i < dx.size(); ++i) {
        dx[i] = y.gradient[i] * (up ? up->value[i] : 1.0) * slope(x.value[i]);
        dup[i] = y.gradient[i] * value(x.value[i]);
      }
      give(x, dx);
      if (up) give(*up, dup);
    });
    return y;
  }

  Node& feed_forward(Node& x, Node* residual, const std::string& prefix) {
    if (c_.ffn == "attention") return attention_block(x, residual, prefix);
    if (c_.ffn == "linear") return linear(x, prefix + "proj.weight", residual);
    if (c_.ffn != "swiglu") return linear(activated(linear(x, prefix + "up_proj.weight"), nullptr), prefix + "down_proj.weight", residual);
    Node& gate = linear(x, prefix + "gate_proj.weight");
    Node& up = linear(x, prefix + "up_proj.weight");
    return linear(activated(gate, &up), prefix + "down_proj.weight", residual);
  }

  Node& add(Node& a, Node& b) {
    Node& y = make(a.value.size());
    for (std::size_t i = 0; i < y.value.size(); ++i) y.value[i] = a.value[i] + b.value[i];
    store(y);
    backward_.push_back([&, this] { give(a, y.gradient), give(b, y.gradient); });
    return y;
  }

  Node& block(Node& h, int layer, bool second) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".", place = second ? "ffn" : "attn";
    const bool input_norm = second ? c_.ffn_input_norm : c_.attn_input_norm;
    Node& x = input_norm ? norm(h, prefix + (second ? "post_attention_layernorm" : "input_layernorm"), c_.norm) : h;
    Node* residual = c_.output_norm ? nullptr : &h;  // the sum rides in the last product
    Node& out = second ? feed_forward(x, residual, prefix + "mlp.") : attention_block(x, residual, prefix + "self_attn.");
    Node& sum = residual ? out : add(h, norm(out, prefix + place + "_output_layernorm", c_.norm));
    return c_.post_norm ? norm(sum, prefix + "post_" + place + "_layernorm", c_.norm) : sum;
  }

  Node& embed(const std::vector<std::int32_t>& ids) {
    Node& table = parameter("model.embed_tokens.weight");
    const auto width = static_cast<std::size_t>(c_.d_model);
    Node& y = make(rows_ * width);
    const auto at = [ids, width](std::size_t i) { return static_cast<std::size_t>(ids[i / width]) * width + i % width; };
    for (std::size_t i = 0; i < y.value.size(); ++i) y.value[i] = table.value[at(i)];
    backward_.push_back([=, this, &table, &y] {
      Numbers d(table.value.size());
      for (std::size_t i = 0; i < y.gradient.size(); ++i) d[at(i)] += y.gradient[i];
      give(table, d);
    });
    return y;
  }

  Node& positioned(Node& x) {
    Node& table = parameter("model.embed_positions.weight");
    const std::size_t sequence = tokens_ * static_cast<std::size_t>(c_.d_model);
    Node& y = make(x.value.size());
    for (std::size_t i = 0; i < y.value.size(); ++i) y.value[i] = x.value[i] + table.value[i % sequence];
    store(y);
    backward_.push_back([&, sequence, this] {
      Numbers d(table.value.size());
      for (std::size_t i = 0; i < y.gradient.size(); ++i) d[i % sequence] += y.gradient[i];
      give(x, y.gradient);
      give(table, d);
    });
    return y;
  }

  Node& hidden(const std::vector<std::int32_t>& ids) {
    embedded_ = &embed(ids);
    Node* h = c_.position == Position::learned ? &positioned(*embedded_) : embedded_;
    for (int layer = 0; layer < c_.n_layers; ++layer) {
      h = &block(*h, layer, false);
      if (c_.has_ffn()) h = &block(*h, layer, true);
    }
    return norm(*h, "model.norm", c_.final_norm_kind());
  }

  std::string head() const { return c_.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"; }

  // Logits and what becomes of them in their place are rounded, statistics and the loss are not.
  double cross_entropy(Node& h, const std::string& name, const std::vector<std::int32_t>& targets, double count, double scale) {
    Node& logits = linear(h, name);
    const std::size_t vocabulary = logits.value.size() / rows_;
    double loss = 0;
    Numbers d(logits.value.size());
    for (std::size_t r = 0; r < rows_; ++r) {
      if (targets[r] < 0) continue;
      const double* row = &logits.value[r * vocabulary];
      const auto target = static_cast<std::size_t>(targets[r]);
      const double top = *std::max_element(row, row + vocabulary);
      double sum = 0;
      for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(row[v] - top);
      loss += (std::log(sum) + top - row[target]) / count;
      for (std::size_t v = 0; v < vocabulary; ++v)
        d[r * vocabulary + v] = scale / count * (std::exp(row[v] - top) / sum - (v == target ? 1.0 : 0.0));
    }
    give(logits, d);
    return loss;
  }

  const TransformerConfig& c_;
  std::map<std::string, RoundedTraining::Parameter>& parameters_;
  std::optional<DType> type_;
  std::size_t batch_, tokens_, rows_;
  std::deque<Node> nodes_;
  std::map<std::string, Node*> leaves_;
  std::vector<std::function<void()>> backward_;
  Node* embedded_ = nullptr;
};

}  // namespace

RoundedTraining::RoundedTraining(const TransformerConfig& config, const TrainSettings& settings,
                                 std::map<std::string, Parameter> parameters, std::optional<DType> type)
    : config_(config), settings_(settings), parameters_(std::move(parameters)), type_(type) {
  if (type_ == DType::f16) loss_scale_ = 65536;  // torch.amp.GradScaler's start
  for (auto& [name, p] : parameters_) p.m.resize(p.value.size()), p.v.resize(p.value.size());
}

RoundedStep RoundedTraining::step(const std::vector<std::int32_t>& all, double lr) {
  const auto batch = static_cast<std::size_t>(settings_.batch), tokens = static_cast<std::size_t>(settings_.seq_len);
  const auto [a, b] = settings_.loss_positions.value_or(std::pair<int, int>{0, settings_.seq_len});
  std::vector<std::int32_t> ids, targets;
  for (std::size_t r = 0; r < batch; ++r)
    for (std::size_t t = 0; t < tokens; ++t) {
      ids.push_back(all[r * (tokens + 1) + t]);
      targets.push_back(static_cast<int>(t) >= a && static_cast<int>(t) < b ? all[r * (tokens + 1) + t + 1] : -1);
    }
  RoundedStep report;
  report.loss_scale = used_scale_ = loss_scale_;
  report.loss = Pass(config_, parameters_, type_, batch, tokens).run(ids, targets, static_cast<double>(batch) * (b - a), loss_scale_);
  double square = 0;
  for (const auto& [name, p] : parameters_)
    for (const double g : p.gradient) square += g * g;
  report.grad_norm = std::sqrt(square) / loss_scale_;
  report.skipped = !std::isfinite(square);
  if (report.skipped) {
    loss_scale_ /= 2;
    return report;
  }
  ++updates_;
  const double factor = std::min(1.0, settings_.clip / (report.grad_norm + 1e-6)) / loss_scale_;
  const auto [beta1, beta2] = settings_.betas;
  for (auto& [name, p] : parameters_)
    for (std::size_t i = 0; i < p.value.size(); ++i) {
      const double g = p.gradient[i] * factor;
      if (p.decays) p.value[i] *= 1 - lr * settings_.weight_decay;
      p.m[i] += (1 - beta1) * (g - p.m[i]);
      p.v[i] += (1 - beta2) * (g * g - p.v[i]);
      p.value[i] -= lr * p.m[i] / (1 - std::pow(beta1, updates_)) / (std::sqrt(p.v[i] / (1 - std::pow(beta2, updates_))) + settings_.eps);
    }
  return report;
}

std::vector<double> RoundedTraining::gradient(const std::string& name) const {
  std::vector<double> values = parameters_.at(name).gradient;
  for (double& x : values) x /= used_scale_;
  return values;
}

}  // namespace ablate::test
