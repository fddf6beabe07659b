// Reverse-mode differentiation: the op nodes in reverse order, each appending the dispatches of its own vector-Jacobian product.
#include "graph/graph.h"

namespace ablate {

Tensor Graph::take_gradient(const Tensor& x) {
  const auto found = gradients_.find(x.value);
  if (found == gradients_.end()) return {};
  Tensor gradient = found->second;
  gradients_.erase(found);
  return gradient;
}

void Graph::backward(const Tensor& loss, const Tensor& seed, const std::function<Tensor(Graph&, const Tensor&, const Tensor&)>& add) {
  require(loss.shape == seed.shape, "backward: the loss is {}, its seed {}", to_string(loss.shape), to_string(seed.shape));
  gradients_.clear();
  gradients_[loss.value] = seed;
  const std::string outer = scope_;
  const std::vector<DiffNode> nodes = std::move(nodes_);  // reshapes inside a vjp must not add to the list being walked
  nodes_.clear();
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    const Tensor dy = take_gradient(node->y);
    if (!dy) continue;
    enter(node->block);
    scope_ = (node->scope.empty() ? "" : node->scope + ".") + "backward";
    const std::vector<Tensor> parts = node->vjp(*this, dy);
    require(parts.size() == node->inputs.size(), "{}: {} gradients for {} inputs", scope_, parts.size(), node->inputs.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i] || !wants_gradient(node->inputs[i])) continue;
      require(parts[i].shape == node->inputs[i].shape, "{}: the gradient of a {} input is {}", scope_, to_string(node->inputs[i].shape),
              to_string(parts[i].shape));
      const Tensor before = take_gradient(node->inputs[i]);
      gradients_[node->inputs[i].value] = before ? add(*this, before, parts[i]) : stand_in(parts[i]);
    }
  }
  leave();
  blocks_.clear();
  scope_ = outer;
}

Tensor Graph::gradient(const Tensor& leaf) const {
  const auto found = gradients_.find(leaf.value);
  return found == gradients_.end() ? Tensor() : found->second;
}

}  // namespace ablate
