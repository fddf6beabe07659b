#include "model/planted.h"

#include "base/random.h"
#include "base/settings.h"

#include <cmath>
#include <map>

namespace ablate {
namespace {

constexpr double spread = 0.08;        // standard deviation of every random weight
constexpr int mark = 2, constant = 3;  // channels: only the first token has `mark`; every token has `constant`
constexpr double mark_size = 3.0, constant_size = 1.0;
constexpr int up_neuron = 5, down_neuron = 9;

using Vector = std::vector<double>;
using Parameters = std::map<std::string, std::vector<float>>;

std::string layer(int i) { return "model.layers." + std::to_string(i) + "."; }

Vector times(const std::vector<float>& w, const Vector& x) {
  Vector y(w.size() / x.size());
  for (std::size_t i = 0; i < w.size(); ++i) y[i / x.size()] += static_cast<double>(w[i]) * x[i % x.size()];
  return y;
}

Vector normed(const Vector& x, double eps) {
  double square = 0;
  for (const double v : x) square += v * v;
  Vector y = x;
  for (double& v : y) v /= std::sqrt(square / static_cast<double>(x.size()) + eps);
  return y;
}

void add_to(Vector& x, const Vector& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

// The first token sees only itself, so its way through the model needs no attention weights: every head copies its value.
class FirstToken {
 public:
  FirstToken(const TransformerConfig& config, const Parameters& parameters) : config_(config), parameters_(parameters) {
    const auto& table = parameters.at("model.embed_tokens.weight");
    const auto start = table.begin() + std::ptrdiff_t{*config.bos_token_id} * config.d_model;
    h_.assign(start, start + config.d_model);
  }

  void attention(int i) {
    const Vector v = times(parameters_.at(layer(i) + "self_attn.v_proj.weight"), normed(h_, config_.norm_eps));
    const int group = config_.n_heads / config_.n_kv_heads, hd = config_.head_dim;
    Vector y;
    for (int head = 0; head < config_.n_heads; ++head)
      y.insert(y.end(), v.begin() + std::ptrdiff_t{head / group} * hd, v.begin() + std::ptrdiff_t{head / group + 1} * hd);
    add_to(h_, times(parameters_.at(layer(i) + "self_attn.o_proj.weight"), y));
  }

  Vector activations(int i) const {
    const Vector x = normed(h_, config_.norm_eps), gate = times(parameters_.at(layer(i) + "mlp.gate_proj.weight"), x);
    Vector act = times(parameters_.at(layer(i) + "mlp.up_proj.weight"), x);
    for (std::size_t j = 0; j < act.size(); ++j) act[j] *= gate[j] / (1 + std::exp(-gate[j]));
    return act;
  }

  void feed_forward(int i) { add_to(h_, times(parameters_.at(layer(i) + "mlp.down_proj.weight"), activations(i))); }

  const Vector& state() const { return h_; }

 private:
  const TransformerConfig& config_;
  const Parameters& parameters_;
  Vector h_;
};

class Planter {
 public:
  explicit Planter(const PlantedModel& model) : model_(model), config_(model.config) {
    for (const ParameterSpec& spec : ablate::parameters(config_)) {
      auto& values = parameters_[spec.name];
      values.assign(static_cast<std::size_t>(spec.elements()), 1.0f);
      if (spec.kind == ParameterKind::norm_weight) continue;
      const CounterRandom random(model.seed, spec.name);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(spread * random.normal(i));
    }
  }

  const Parameters& plant() {
    keep_channels_clean();
    plant_embedding();
    plant_step_up();
    plant_sinks();
    plant_step_down();
    return parameters_;
  }

 private:
  float& at(const std::string& name, int row, int column, int columns) {
    return parameters_.at(name)[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column)];
  }

  // Nothing but what is planted writes to the four channels.
  void keep_channels_clean() {
    for (const int channel : {mark, constant, model_.channels[0], model_.channels[1]}) {
      for (int token = 0; token < config_.vocab_size; ++token) at("model.embed_tokens.weight", token, channel, config_.d_model) = 0;
      for (int i = 0; i < config_.n_layers; ++i) {
        for (int j = 0; j < config_.n_heads * config_.head_dim; ++j)
          at(layer(i) + "self_attn.o_proj.weight", channel, j, config_.n_heads * config_.head_dim) = 0;
        for (int j = 0; j < config_.d_ffn[0]; ++j) at(layer(i) + "mlp.down_proj.weight", channel, j, config_.d_ffn[0]) = 0;
      }
    }
  }

  void plant_embedding() {
    for (int token = 0; token < config_.vocab_size; ++token)
      at("model.embed_tokens.weight", token, constant, config_.d_model) = static_cast<float>(constant_size);
    at("model.embed_tokens.weight", *config_.bos_token_id, mark, config_.d_model) = static_cast<float>(mark_size);
  }

  void plant_step_up() {
    const int i = model_.step_up_block / 2 - 1;
    for (const char* matrix : {"mlp.gate_proj.weight", "mlp.up_proj.weight"}) {
      clear_row(layer(i) + matrix, up_neuron);
      at(layer(i) + matrix, up_neuron, mark, config_.d_model) = 4.0f;
    }
    write_spike(i, up_neuron, 1.0);
  }

  // A neuron that reads the spike's direction and writes its opposite.
  void plant_step_down() {
    const int i = model_.step_down_block / 2 - 1;
    for (const char* matrix : {"mlp.gate_proj.weight", "mlp.up_proj.weight"}) {
      clear_row(layer(i) + matrix, down_neuron);
      read_spike(layer(i) + matrix, down_neuron, 4.0);
    }
    write_spike(i, down_neuron, -1.0);
  }

  // Queries read the constant channel, keys the spike, both into one dimension that RoPE hardly turns: the last of the head's first half.
  void plant_sinks() {
    for (const auto& [i, head] : model_.sink_heads) {
      const int slow = config_.head_dim / 2 - 1, group = config_.n_heads / config_.n_kv_heads;
      at(layer(i) + "self_attn.q_proj.weight", head * config_.head_dim + slow, constant, config_.d_model) = 6.0f;
      read_spike(layer(i) + "self_attn.k_proj.weight", head / group * config_.head_dim + slow, 6.0);
    }
  }

  // The planted neurons answer to what they are planted for and to nothing else.
  void clear_row(const std::string& matrix, int row) {
    for (int channel = 0; channel < config_.d_model; ++channel) at(matrix, row, channel, config_.d_model) = 0;
  }

  void read_spike(const std::string& matrix, int row, double size) {
    const double length = std::hypot(model_.magnitudes[0], model_.magnitudes[1]);
    for (int c = 0; c < 2; ++c)
      at(matrix, row, model_.channels[c], config_.d_model) = static_cast<float>(size * model_.magnitudes[c] / length);
  }

  // The column of `neuron` in layer i's down projection, such that the block writes `sign` times the spike for the first token.
  void write_spike(int i, int neuron, double sign) {
    FirstToken token(config_, parameters_);
    for (int j = 0; j <= i; ++j) {
      token.attention(j);
      if (j < i) token.feed_forward(j);
    }
    for (int channel = 0; channel < config_.d_model; ++channel)
      at(layer(i) + "mlp.down_proj.weight", channel, neuron, config_.d_ffn[0]) = 0;
    const double activation = token.activations(i)[static_cast<std::size_t>(neuron)];
    for (int c = 0; c < 2; ++c)
      at(layer(i) + "mlp.down_proj.weight", model_.channels[c], neuron, config_.d_ffn[0]) =
          static_cast<float>(sign * model_.magnitudes[c] / activation);
  }

  const PlantedModel& model_;
  const TransformerConfig& config_;
  Parameters parameters_;
};

}  // namespace

PlantedModel PlantedModel::from(Settings& model) {
  PlantedModel planted;
  TransformerConfig& c = planted.config;
  c.d_model = 64, c.n_layers = 4, c.n_heads = 4, c.n_kv_heads = 2, c.head_dim = 16, c.d_ffn = 160, c.max_seq_len = 256;
  c.vocab_size = model.number({"vocab_size", "tokens that the model knows"}, 320, 8);
  c.bos_token_id = model.number({"bos_token_id", "id of the beginning-of-sequence token"}, 1, 0, c.vocab_size - 1);
  planted.seed = static_cast<std::uint64_t>(model.number<std::int64_t>({"seed", "of the planted model's random weights"}, 1, 0));
  return planted;
}

void PlantedModel::fill(Weights& weights) const {
  Planter planter(*this);
  for (const auto& [name, values] : planter.plant()) weights.write(name, values);
}

}  // namespace ablate
