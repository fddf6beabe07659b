#include "ops/delta_rule.h"

#include "ops/convert.h"
#include "ops/rows.h"
#include "ops/sum_rows.h"

namespace ablate {
namespace {

/// What one delta rule is about.
struct Problem {
  Tensor q, k, v;
  DeltaGates gates;
  std::uint32_t key_dim = 0;
  float scale = 1;
  Tensor errors{}, exact{};  ///< v - S^T k and y in f32, like v, for the backward pass

  std::uint32_t sequences() const { return v.dim(0); }
  std::uint32_t tokens() const { return v.dim(1); }
  std::uint32_t heads() const { return gates.decay.dim(-1); }
  std::uint32_t key_heads() const { return q.dim(2) / key_dim; }
  std::uint32_t shared() const { return heads() / key_heads(); }
  std::uint32_t value_dim() const { return v.dim(2) / heads(); }
  /// Elements that a sequence has of the keys, of the values, of the gates.
  std::uint64_t keys() const { return std::uint64_t{tokens()} * q.dim(2); }
  std::uint64_t values() const { return std::uint64_t{tokens()} * v.dim(2); }
  std::uint64_t each_gate() const { return std::uint64_t{tokens()} * heads(); }
  Cost cost(double passes) const {
    return {.flop = 7.0 * passes * key_dim * static_cast<double>(v.size()),
            .bytes = passes * static_cast<double>(q.bytes() + k.bytes() + 2 * v.bytes() + 2 * gates.decay.bytes())};
  }
};

Specialization of_dim(const char* name, const Tensor& x, std::uint32_t dim, std::initializer_list<Tensor> others) {
  return for_rows(x, dim, others) + Specialization{{name, dim}};
}

Tensor forward(Graph& graph, const Problem& p) {
  const Tensor y = graph.like(p.v);
  graph.dispatch({.shader = "recurrence/delta_rule",
                  .push = {p.q, p.k, p.v, p.gates.decay, p.gates.beta, y, p.errors, p.exact, p.sequences(), p.tokens(), p.heads(),
                           p.shared(), p.value_dim(), p.scale},
                  .cut = cut_along(p.sequences(), {{0, p.keys()},
                                                   {1, p.keys()},
                                                   {2, p.values()},
                                                   {3, p.each_gate()},
                                                   {4, p.each_gate()},
                                                   {5, p.values()},
                                                   {6, p.values()},
                                                   {7, p.values()},
                                                   {8, 1}}),
                  .items = std::uint64_t{p.sequences()} * p.heads() * p.value_dim(),
                  .constants = of_dim("KEY_DIM", p.q, p.key_dim, {p.k}),
                  .cost = p.cost(1)});
  return y;
}

/// The gradient of v, and into du that of what is written, beta (v - S^T k).
Tensor value_gradient(Graph& graph, const Problem& p, const Tensor& dy, const Tensor& du) {
  const Tensor dv = graph.like(p.v);
  graph.dispatch({.shader = "recurrence/delta_rule_backward_values",
                  .push = {p.q, p.k, p.gates.decay, p.gates.beta, dy, dv, du, p.sequences(), p.tokens(), p.heads(), p.shared(),
                           p.value_dim(), p.scale},
                  .cut = cut_along(p.sequences(), {{0, p.keys()},
                                                   {1, p.keys()},
                                                   {2, p.each_gate()},
                                                   {3, p.each_gate()},
                                                   {4, p.values()},
                                                   {5, p.values()},
                                                   {6, p.values()},
                                                   {7, 1}}),
                  .items = std::uint64_t{p.sequences()} * p.heads() * p.value_dim(),
                  .constants = of_dim("KEY_DIM", p.q, p.key_dim, {p.k}),
                  .cost = p.cost(1)});
  return dv;
}

struct KeyGradients {
  Tensor dq, dk;
};
KeyGradients key_gradients(Graph& graph, const Problem& p, const Tensor& dy, const Tensor& du) {
  const KeyGradients wide{graph.tensor(p.q.shape, DType::f32), graph.tensor(p.k.shape, DType::f32)};
  graph.dispatch({.shader = "recurrence/delta_rule_backward_keys",
                  .push = {p.q, p.k, p.gates.decay, p.gates.beta, p.errors, dy, du, wide.dq, wide.dk, p.sequences(), p.tokens(), p.heads(),
                           p.shared(), p.key_dim, p.scale},
                  .cut = cut_along(p.sequences(), {{0, p.keys()},
                                                   {1, p.keys()},
                                                   {2, p.each_gate()},
                                                   {3, p.each_gate()},
                                                   {4, p.values()},
                                                   {5, p.values()},
                                                   {6, p.values()},
                                                   {7, p.keys()},
                                                   {8, p.keys()},
                                                   {9, 1}}),
                  .items = std::uint64_t{p.sequences()} * p.q.dim(2),
                  .constants = of_dim("VALUE_DIM", dy, p.value_dim(), {p.errors, du}),
                  .cost = p.cost(2)});
  return {convert(graph, wide.dq, p.q.dtype), convert(graph, wide.dk, p.k.dtype)};
}

DeltaGates gate_gradients(Graph& graph, const Problem& p, const Tensor& dy, const Tensor& du) {
  const DeltaGates d{graph.like(p.gates.decay), graph.like(p.gates.beta)};
  graph.dispatch(
      {.shader = "recurrence/delta_rule_backward_gates",
       .push = {p.v, p.gates.decay, p.gates.beta, p.errors, p.exact, dy, du, d.decay, d.beta, p.sequences(), p.tokens(), p.heads(),
                p.value_dim()},
       .cut = cut_along(p.sequences(), {{0, p.values()},
                                        {1, p.each_gate()},
                                        {2, p.each_gate()},
                                        {3, p.values()},
                                        {4, p.values()},
                                        {5, p.values()},
                                        {6, p.values()},
                                        {7, p.each_gate()},
                                        {8, p.each_gate()},
                                        {9, 1}}),
       .items = std::uint64_t{p.sequences()} * p.heads(),
       .constants = for_rows(p.v, p.value_dim(), {p.errors, p.exact, dy, du}),
       .cost = {.flop = 8.0 * static_cast<double>(p.v.size()), .bytes = static_cast<double>(2 * p.v.bytes() + 12 * p.v.size())}});
  return d;
}

/// The gradients of a, and of rate and bias.
std::vector<Tensor> decay_gradients(Graph& graph, const Tensor& a, const Tensor& rate, const Tensor& bias, const Tensor& ddecay) {
  const std::uint32_t heads = a.dim(-1);
  const Tensor da = graph.like(a), drate = graph.tensor({a.rows(), heads}, DType::f32), dbias = graph.tensor({a.rows(), heads}, DType::f32);
  graph.dispatch({.shader = "recurrence/delta_gates_backward",
                  .push = {a, rate, bias, ddecay, da, drate, dbias, a.rows(), heads},
                  .cut = cut_along(a.rows(), {{0, heads}, {3, heads}, {4, heads}, {5, heads}, {6, heads}, {7, 1}}),
                  .items = a.size(),
                  .constants = for_type(a),
                  .cost = {.flop = 50.0 * static_cast<double>(a.size()), .bytes = static_cast<double>(2 * a.bytes() + 12 * a.size())}});
  return {da, sum_rows(graph, drate), sum_rows(graph, dbias)};
}

Tensor sigmoid_gradient(Graph& graph, const Tensor& x, const Tensor& y, const Tensor& dy) {
  const Tensor dx = graph.like(x);
  graph.dispatch({.shader = "recurrence/sigmoid_backward",
                  .push = {y, dy, dx, y.size()},
                  .cut = cut_elements(y.size(), {0, 1, 2, 3}),
                  .items = y.size(),
                  .constants = for_type(x),
                  .cost = {.flop = 3.0 * static_cast<double>(y.size()), .bytes = static_cast<double>(x.bytes() + 8 * y.size())}});
  return dx;
}

}  // namespace

DeltaGates delta_gates(Graph& graph, const Tensor& a, const Tensor& b, const Tensor& rate, const Tensor& bias) {
  require(a.shape == b.shape && a.dtype == b.dtype, "delta_gates: a is {} {}, b {} {}", name_of(a.dtype), to_string(a.shape),
          name_of(b.dtype), to_string(b.shape));
  const std::uint32_t heads = a.dim(-1);
  for (const Tensor& one : {rate, bias})
    require(one.size() == heads && one.dtype == DType::f32, "delta_gates: {} heads, parameters {} {}", heads, name_of(one.dtype),
            to_string(one.shape));
  const DeltaGates gates{graph.tensor(a.shape, DType::f32), graph.tensor(a.shape, DType::f32)};
  graph.dispatch({.shader = "recurrence/delta_gates",
                  .push = {a, b, rate, bias, gates.decay, gates.beta, a.rows(), heads},
                  .cut = cut_along(a.rows(), {{0, heads}, {1, heads}, {4, heads}, {5, heads}, {6, 1}}),
                  .items = a.size(),
                  .constants = for_type(a),
                  .cost = {.flop = 40.0 * static_cast<double>(a.size()), .bytes = static_cast<double>(2 * a.bytes() + 8 * a.size())}});
  graph.differentiable(gates.beta, {b},
                       [=](Graph& g, const Tensor& dy) { return std::vector<Tensor>{sigmoid_gradient(g, b, gates.beta, dy)}; });
  graph.differentiable(gates.decay, {a, rate, bias}, [=](Graph& g, const Tensor& dy) { return decay_gradients(g, a, rate, bias, dy); });
  return gates;
}

Tensor delta_rule(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& v, const DeltaGates& gates, std::uint32_t key_dim,
                  float scale) {
  require(v.shape.size() == 3 && q.shape == k.shape && q.shape.size() == 3 && q.dim(0) == v.dim(0) && q.dim(1) == v.dim(1) &&
              q.dtype == v.dtype && k.dtype == v.dtype,
          "delta_rule: q is {} {}, k {} {}, v {} {}", name_of(q.dtype), to_string(q.shape), name_of(k.dtype), to_string(k.shape),
          name_of(v.dtype), to_string(v.shape));
  require(key_dim >= 1 && key_dim <= largest_delta_dim && q.dim(2) % key_dim == 0, "delta_rule: keys of {} channels in {}, {} at most",
          key_dim, to_string(k.shape), largest_delta_dim);
  Problem problem{q, k, v, gates, key_dim, scale};
  const std::uint32_t heads = problem.heads(), key_heads = problem.key_heads();
  require(gates.decay.shape == Shape({v.dim(0), v.dim(1), heads}) && gates.beta.shape == gates.decay.shape && heads % key_heads == 0 &&
              v.dim(2) % heads == 0 && v.dim(2) / heads <= largest_delta_dim,
          "delta_rule: gates {} and {} for {} heads of keys and values {}", to_string(gates.decay.shape), to_string(gates.beta.shape),
          key_heads, to_string(v.shape));
  bool wanted = false;
  for (const Tensor& one : {q, k, v, gates.decay, gates.beta}) wanted = wanted || graph.wants_gradient(one);
  if (wanted) problem.errors = graph.tensor(v.shape, DType::f32), problem.exact = graph.tensor(v.shape, DType::f32);
  return graph.differentiable(forward(graph, problem), {q, k, v, gates.decay, gates.beta}, [problem](Graph& g, const Tensor& dy) {
    const Tensor du = g.tensor(problem.v.shape, DType::f32), dv = value_gradient(g, problem, dy, du);
    const auto [dq, dk] = key_gradients(g, problem, dy, du);
    const auto [ddecay, dbeta] = gate_gradients(g, problem, dy, du);
    return std::vector<Tensor>{dq, dk, dv, ddecay, dbeta};
  });
}

}  // namespace ablate
