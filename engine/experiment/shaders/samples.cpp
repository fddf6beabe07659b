#include "experiment/shaders/samples.h"

#include "model/parameters.h"
#include "ops/activation.h"
#include "ops/add.h"
#include "ops/attention.h"
#include "ops/bias.h"
#include "ops/causal_conv.h"
#include "ops/clamped_swiglu.h"
#include "ops/convert.h"
#include "ops/copy.h"
#include "ops/cross_entropy.h"
#include "ops/delta_rule.h"
#include "ops/embedding.h"
#include "ops/experts.h"
#include "ops/gate.h"
#include "ops/matmul.h"
#include "ops/multiply.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "ops/scale.h"
#include "ops/swiglu.h"

#include <algorithm>

namespace ablate {
namespace {

using Inputs = std::vector<Tensor>;

class Samples {
 public:
  Samples(DType type, const SampleSize& size) : type_(type), size_(size), x_{size.batch, size.tokens, size.width()} {}

  std::vector<OpSample> all() {
    norms();
    activations();
    gates();
    attentions();
    products();
    mixtures();
    recurrences();
    elements();
    tokens();
    return std::move(samples_);
  }

 private:
  SampleInput like_x() const { return {x_, type_}; }
  SampleInput parameter(Shape shape) const { return {std::move(shape), DType::f32}; }

  void add(std::string name, std::vector<SampleInput> inputs, std::function<Tensor(Graph&, const Inputs&)> build, bool summed = false,
           const std::string& user = "") {
    samples_.push_back({std::move(name), std::move(inputs), std::move(build), true, summed, user});
  }

  // The name where a user's shader stands behind it, and whether it has a gradient to look at.
  static std::string user_of(const std::string& name) { return find_user_shader(name) ? name : ""; }
  static bool trainable(const std::string& name) {
    const UserShaderHandle user = find_user_shader(name);
    return !user || !user->backward.empty();
  }

  void norms() {
    TransformerConfig config;
    config.dyt_bias = true;
    for (const auto& entry : Norms::all()) {
      const std::string& name = entry.first;
      const std::vector<ParameterSpec> specs = norm_parameters(name, {config, "", size_.width(), 0.5});
      std::vector<SampleInput> inputs = {like_x()};
      std::vector<std::string> names;
      for (const ParameterSpec& spec : specs) {
        inputs.push_back(parameter({static_cast<std::uint32_t>(spec.elements())}));
        names.push_back(spec.name.substr(1));  // after the prefix's dot
      }
      const auto build = [names, &kind = entry.second](Graph& g, const Inputs& in) {
        const auto find = [&](const std::string& wanted) {
          const auto at = std::find(names.begin(), names.end(), wanted);
          return at == names.end() ? Tensor() : in[static_cast<std::size_t>(at - names.begin()) + 1];
        };
        return kind.apply(g, {in[0], find, 1e-5f});
      };
      add("norm " + name, inputs, build, false, user_of(name));
      if (!trainable(name)) samples_.back().has_gradient = false;
    }
  }

  void activations() {
    for (const auto& [name, kind] : Activations::all()) {
      add(
          "activation " + name, {like_x()}, [name = name](Graph& g, const Inputs& in) { return activation(g, name, in[0]); }, false,
          user_of(name));
      if (!trainable(name)) samples_.back().has_gradient = false;
      add(
          "gated unit " + name, {like_x(), like_x()}, [name = name](Graph& g, const Inputs& in) { return swiglu(g, in[0], in[1], name); },
          false, user_of(name));
      if (!trainable(name)) samples_.back().has_gradient = false;
    }
  }

  void gates() {
    for (const auto& [name, kind] : Gates::all()) {
      TransformerConfig config;
      config.n_heads = static_cast<int>(size_.heads), config.head_dim = static_cast<int>(size_.head_dim), config.gate = name;
      const auto width = static_cast<std::uint32_t>(gate_width(config));
      const auto build = [heads = size_.heads, name = name](Graph& g, const Inputs& in) { return gate(g, in[0], in[1], heads, name); };
      for (const auto& [from, z] : {std::pair<const char*, SampleInput>{"", {{size_.batch, size_.tokens, width}, type_}},
                                    {" constant", parameter({width})},
                                    {" by position", parameter({size_.tokens + 1, width})}}) {
        add("gate " + name + from, {like_x(), z}, build, false, user_of(name));
        if (!trainable(name)) samples_.back().has_gradient = false;
      }
    }
  }

  void attentions() {
    const std::uint32_t kv_heads = size_.heads % 2 == 0 ? size_.heads / 2 : size_.heads;
    const SampleInput kv = {{size_.batch, size_.tokens, kv_heads * size_.head_dim}, type_}, bias = parameter({kv_heads, size_.head_dim});
    for (const auto& [name, kind] : AttentionScores::all()) {
      for (const std::string extra : {"", "sinks", "k", "kv"}) {
        if (extra == "sinks" && name != "softmax") continue;
        std::vector<SampleInput> inputs = {like_x(), kv, kv};
        if (extra == "sinks") inputs.push_back(parameter({size_.heads}));
        if (extra == "k" || extra == "kv") inputs.push_back(bias);
        if (extra == "kv") inputs.push_back(bias);
        const auto build = [=, this, name = name, heads = size_.heads, head_dim = size_.head_dim](Graph& g, const Inputs& in) {
          AttentionOptions options{.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .score = name};
          if (extra == "sinks") options.sinks = in[3];
          if (extra == "k" || extra == "kv") options.k_bias = in[3];
          if (extra == "kv") options.v_bias = in[4];
          return attention(g, in[0], in[1], in[2], options).y;
        };
        add("attention " + name + (extra.empty() ? "" : " " + extra), inputs, build, false, user_of(name));
        if (!trainable(name)) samples_.back().has_gradient = false;
      }
    }
  }

  void products() {
    const std::uint32_t out = size_.width() / 2 + 3;
    const SampleInput weight = {{out, size_.width()}, type_};
    add("linear", {like_x(), weight}, [](Graph& g, const Inputs& in) { return linear(g, in[0], in[1]); });
    add("linear of a matrix in parts", {like_x(), {{out - out / 3, size_.width()}, type_}, {{out / 3, size_.width()}, type_}},
        [](Graph& g, const Inputs& in) {
          return linear(g, in[0], Matrix({in[1], in[2]}));
        });
    add("linear with residual", {like_x(), weight, {{size_.batch, size_.tokens, out}, type_}},
        [](Graph& g, const Inputs& in) { return linear(g, in[0], in[1], in[2]); });
  }

  void mixtures() {
    const std::uint32_t experts = 3, width = size_.width();
    const SampleInput logits = {{size_.batch, size_.tokens, experts}, DType::f32}, weight = {{experts * width, width}, type_};
    add("clamped gated unit", {like_x(), like_x()}, [](Graph& g, const Inputs& in) { return clamped_swiglu(g, in[0], in[1], 7.0f, 1.7f); });
    for (const bool normed : {false, true})
      add(normed ? "mixture of experts, weights normed" : "mixture of experts",
          {like_x(), logits, weight, parameter({experts * width}), like_x()}, [normed](Graph& g, const Inputs& in) {
            const Routing routing = route(g, in[1], 2, normed);
            return combine_experts(g, expert_linear(g, in[0], in[2], routing, in[3]), routing, in[4]);
          });
  }

  void recurrences() {
    add("causal convolution", {like_x(), parameter({size_.width(), 1, 4})},
        [](Graph& g, const Inputs& in) { return causal_conv(g, in[0], in[1]); });
    const SampleInput gate = {{size_.batch, size_.tokens, size_.heads}, type_}, own = parameter({size_.heads});
    add("delta rule", {like_x(), like_x(), like_x(), gate, gate, own, own}, [key_dim = size_.head_dim](Graph& g, const Inputs& in) {
      const Tensor shorter = scale(g, in[1], 1.0f / static_cast<float>(key_dim));  // keys under length 1: the state stays of a size
      return delta_rule(g, in[0], shorter, in[2], delta_gates(g, in[3], in[4], in[5], in[6]), key_dim, 0.5f);
    });
  }

  void elements() {
    add("add", {like_x(), like_x()}, [](Graph& g, const Inputs& in) { return ablate::add(g, in[0], in[1]); });
    add("multiply", {like_x(), like_x()}, [](Graph& g, const Inputs& in) { return multiply(g, in[0], in[1]); });
    add("scale", {like_x()}, [](Graph& g, const Inputs& in) { return scale(g, in[0], 1.5f); });
    add("bias", {like_x(), parameter({size_.width()})}, [](Graph& g, const Inputs& in) { return add_bias(g, in[0], in[1]); });
    add("copy of columns", {like_x()},
        [half = (size_.width() + 1) / 2](Graph& g, const Inputs& in) { return copy_columns(g, in[0], 0, half); });
    add("conversion", {like_x()},
        [](Graph& g, const Inputs& in) { return convert(g, in[0], in[0].dtype == DType::f32 ? DType::f16 : DType::f32); });
    if (type_ == DType::f32) samples_.back().has_gradient = false;  // rounds to f16: differences would measure that
    if (size_.head_dim % 2 != 0) return;
    std::vector<double> frequencies(size_.head_dim / 2);
    for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] = 1.0 / static_cast<double>(1 + i);
    add("rope", {like_x()}, [this, frequencies, size = size_](Graph& g, const Inputs& in) {
      return rope(g, in[0], size.head_dim, g.constant("rotations", {size.tokens, size.head_dim}, rope_table(size.tokens, frequencies)));
    });
  }

  void tokens() {
    const std::uint32_t symbols = 13, positions = size_.batch * size_.tokens;
    const SampleInput ids = {{size_.batch, size_.tokens}, DType::i32, false, symbols}, targets = {{positions}, DType::i32, false, symbols};
    add("embedding", {ids, {{symbols, size_.width()}, type_}},
        [type = type_](Graph& g, const Inputs& in) { return embedding(g, in[0], in[1], type); });
    add("embedding by a table in parts", {ids, {{symbols - 5, size_.width()}, type_}, {{5, size_.width()}, type_}},
        [type = type_](Graph& g, const Inputs& in) {
          return embedding(g, in[0], Matrix({in[1], in[2]}), type);
        });
    add("learned positions", {like_x(), {{size_.tokens + 1, size_.width()}, type_}},
        [](Graph& g, const Inputs& in) { return add_positions(g, in[0], in[1]); });
    add("cross entropy", {{{positions, symbols}, type_}, targets},
        [](Graph& g, const Inputs& in) { return cross_entropy(g, in[0], in[1]); });
    add(
        "cross entropy of a linear layer", {like_x(), {{symbols, size_.width()}, type_}, targets},
        [](Graph& g, const Inputs& in) {
          return linear_cross_entropy(g, in[0], in[1], in[2], g.constant("one", {1}, {1.0f}), 1u << 20).losses;
        },
        true);
  }

  DType type_;
  SampleSize size_;
  Shape x_;
  std::vector<OpSample> samples_;
};

}  // namespace

std::vector<OpSample> samples_with_gradient(DType type, const SampleSize& size) { return Samples(type, size).all(); }

SampleGraph::SampleGraph(const Caps& caps, const OpSample& sample, bool with_backward) : graph(caps) {
  for (const SampleInput& input : sample.inputs) {
    inputs.push_back(graph.input(fmt::format("input {}", inputs.size() + 1), input.shape, input.dtype));
    if (with_backward && input.differentiable) graph.require_gradient(inputs.back());
  }
  result = graph.keep(sample.build(graph, inputs));
  if (!with_backward) return;
  seed = graph.input("seed", result.shape, result.dtype);
  backward(graph, result, seed);
  for (const Tensor& input : inputs) {
    gradients.push_back(graph.gradient(input));
    if (gradients.back()) graph.keep(gradients.back());
  }
}

}  // namespace ablate
