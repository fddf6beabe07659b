#include "ops/activation.h"

#include "ops/rows.h"

namespace ablate {

Tensor activation(Graph& graph, const std::string& name, const Tensor& x) {
  const auto [code, user] = Activations::find("activation", name);
  const auto count = static_cast<std::uint32_t>(x.size());
  const auto constants = [=, code = code](std::initializer_list<Tensor> others) {
    return for_elements(x, others) + Specialization{{"ACTIVATION", code}};
  };
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = kernel_with("activation/activation", user),
                  .push = {x, y, count},
                  .items = groups_of(1, count),
                  .constants = constants({}),
                  .cost = {.flop = 10.0 * count, .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x}, [=, user = user](Graph& g, const Tensor& dy) {
    if (user) user->require_backward();
    const Tensor dx = g.like(x);
    g.dispatch({.shader = kernel_with("activation/activation_backward", user),
                .push = {x, dy, dx, count},
                .items = groups_of(1, count),
                .constants = constants({dy}),
                .cost = {.flop = 15.0 * count, .bytes = 3.0 * static_cast<double>(x.bytes())}});
    return std::vector<Tensor>{dx};
  });
}

static const Activations::Registration silu("silu", {0});
static const Activations::Registration gelu("gelu", {1});
static const Activations::Registration relu("relu", {2});

}  // namespace ablate
