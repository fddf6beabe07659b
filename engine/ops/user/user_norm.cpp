#include "ops/user/user_norm.h"

#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>
#include <bit>

namespace ablate {
namespace {

// A workgroup works on one row at a time: enough invocations for its channels, a subgroup on a CPU, where there is nothing to wait for.
Specialization constants_of(const Graph& graph, const Tensor& x) {
  const Caps& caps = graph.caps();
  const std::uint32_t most = std::min(256u, caps.max_invocations), least = std::min(caps.subgroup_size, most);
  const std::uint32_t lanes = caps.is_cpu() ? caps.subgroup_size : std::clamp(std::bit_ceil(std::min(x.dim(-1), most)), least, most);
  return for_type(x) + Specialization{{"LANES", lanes}};
}

std::uint32_t chunks_of(const Caps& caps, std::uint32_t rows) {
  return caps.is_cpu() ? std::clamp(rows / 32, 1u, 64u) : std::clamp(rows / 8, 1u, 2048u);
}

std::vector<Tensor> gradients(Graph& graph, const UserShader& shader, const Tensor& x, const std::vector<Tensor>& parameters, float eps,
                              const Tensor& dy) {
  shader.require_backward();
  const std::uint32_t rows = x.rows(), dim = x.dim(-1), chunks = chunks_of(graph.caps(), rows);
  const Tensor before = graph.take_gradient(x), dx = graph.like(x);
  const std::uint64_t per_chunk = chunk_of(rows, chunks), elements = per_chunk * dim;
  std::vector<PushValue> push = {x, dy, before, dx};
  Cut cut = cut_along(chunks, {{0, elements}, {1, elements}, {2, elements}, {3, elements}});
  std::vector<Tensor> partials;
  std::uint32_t per_channel = 0;
  for (std::size_t n = 0; n < parameters.size(); ++n) {
    const bool wide = shader.parameters[n].per_channel;
    partials.push_back(graph.tensor({chunks, wide ? dim : 1}, DType::f32));
    per_channel |= (wide ? 1u : 0u) << n;
  }
  for (const auto& tensors : {parameters, partials})
    for (std::size_t n = 0; n < UserShader::most_parameters; ++n) push.push_back(n < tensors.size() ? tensors[n] : Tensor());
  const auto partial = static_cast<std::uint32_t>(4 + UserShader::most_parameters), sizes = static_cast<std::uint32_t>(push.size());
  for (std::uint32_t n = 0; n < partials.size(); ++n) cut.shares.push_back({partial + n, partials[n].dim(1)});
  cut.shares.insert(cut.shares.end(), {{sizes, per_chunk}, {sizes + 2, 1}});
  push.insert(push.end(), {rows, dim, chunks, eps});
  graph.dispatch({.shader = "user/norm_backward" + shader.suffix,
                  .push = push,
                  .cut = cut,
                  .rows = chunks,
                  .constants = constants_of(graph, x) + Specialization{{"PER_CHANNEL", per_channel}},
                  .cost = {.flop = 12.0 * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() * (before ? 4 : 3))}});
  std::vector<Tensor> all = {dx};
  for (const Tensor& partial : partials) all.push_back(sum_rows(graph, partial));
  return all;
}

}  // namespace

Tensor user_norm(Graph& graph, const UserShader& shader, const Tensor& x, const std::vector<Tensor>& parameters, float eps) {
  require(parameters.size() == shader.parameters.size(), "{}: {} parameters given, it has {}", shader.name, parameters.size(),
          shader.parameters.size());
  for (std::size_t n = 0; n < parameters.size(); ++n) {
    const std::uint32_t wanted = shader.parameters[n].per_channel ? x.dim(-1) : 1;
    require(parameters[n].size() == wanted && parameters[n].dtype == DType::f32, "{}: {} must be f32 ({}), found {} {}", shader.name,
            shader.parameters[n].name, wanted, name_of(parameters[n].dtype), to_string(parameters[n].shape));
  }
  const Tensor y = graph.like(x);
  std::vector<PushValue> push = {x, y};
  for (std::size_t n = 0; n < UserShader::most_parameters; ++n) push.push_back(n < parameters.size() ? parameters[n] : Tensor());
  const auto sizes = static_cast<std::uint32_t>(push.size());
  push.insert(push.end(), {x.rows(), x.dim(-1), eps});
  graph.dispatch({.shader = "user/norm" + shader.suffix,
                  .push = push,
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, x.dim(-1)}, {sizes, 1}}),
                  .rows = x.rows(),
                  .constants = constants_of(graph, x),
                  .cost = {.flop = 6.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  std::vector<Tensor> inputs = {x};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  return graph.differentiable(y, inputs, [=](Graph& g, const Tensor& dy) { return gradients(g, shader, x, parameters, eps, dy); });
}

}  // namespace ablate
