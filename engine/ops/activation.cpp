#include "ops/activation.h"

#include "ops/rows.h"

namespace ablate {

Tensor activation(Graph& graph, const std::string& name, const Tensor& x) {
  const auto [code, user] = Activations::find("activation", name);
  const std::uint64_t count = x.size();
  const auto constants = [=, code = code](std::initializer_list<Tensor> others) {
    return for_elements(x, others) + Specialization{{"ACTIVATION", code}};
  };
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = kernel_with("activation/activation", user),
                  .push = {x, y, count},
                  .cut = cut_elements(count, {0, 1, 2}),
                  .items = groups_in(count),
                  .constants = constants({}),
                  .cost = {.flop = 10.0 * static_cast<double>(count), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x}, [=, user = user](Graph& g, const Tensor& dy) {
    if (user) user->require_backward();
    const Tensor dx = g.like(x);
    g.dispatch({.shader = kernel_with("activation/activation_backward", user),
                .push = {x, dy, dx, count},
                .cut = cut_elements(count, {0, 1, 2, 3}),
                .items = groups_in(count),
                .constants = constants({dy}),
                .cost = {.flop = 15.0 * static_cast<double>(count), .bytes = 3.0 * static_cast<double>(x.bytes())}});
    return std::vector<Tensor>{dx};
  });
}

static const Activations::Registration silu("silu", {0});
static const Activations::Registration gelu("gelu", {1});
static const Activations::Registration relu("relu", {2});
static const Activations::Registration gelu_tanh("gelu_tanh", {4});

}  // namespace ablate
