#include "ops/gate.h"

#include "ops/convert.h"
#include "ops/fill.h"
#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>

namespace ablate {
namespace {

// y seen as (rows, dim): with a logit per channel (per_channel), the row of logits shared by all rows; else row r has logit r mod z_count.
struct View {
  bool per_channel;
  bool own;  ///< no two tokens share a logit
  std::uint64_t rows, dim, z_count;
};

Shape without_last(const Tensor& x) { return {x.shape.begin(), x.shape.end() - 1}; }

View view_of(const Tensor& y, const Tensor& z, std::uint32_t heads) {
  const std::uint32_t channels = y.dim(-1), width = z.shape.empty() ? 0 : z.dim(-1), rank = static_cast<std::uint32_t>(z.shape.size());
  const bool own = rank == y.shape.size() && without_last(y) == without_last(z), constant = rank == 1;
  const bool table = !own && rank == 2 && y.shape.size() == 3 && z.dim(0) >= y.dim(1);
  const bool width_fits = channels % heads == 0 && (width == channels || width == heads || width == 1);
  require(width_fits && (own || constant || table), "gate: logits {} do not fit {} with {} heads", to_string(z.shape), to_string(y.shape),
          heads);
  const std::uint64_t rows = std::uint64_t{y.rows()} * width;
  const std::uint64_t z_count = own ? rows : constant ? width : std::uint64_t{y.dim(1)} * width;
  const bool per_channel = width == channels;
  const std::uint64_t dim = per_channel ? z_count : channels / width;
  return {per_channel, z_count * (per_channel ? 1 : dim) == y.size() && z_count == z.size(), y.size() / dim, dim, z_count};
}

// A cut of a kernel that gates rows one by one: `tensors` are of y's shape, `logits` and `by_row` have an element per row.
Cut cut_rows(const View& view, std::initializer_list<std::uint32_t> tensors, std::uint32_t logits,
             std::initializer_list<std::uint32_t> by_row) {
  Cut cut(view.rows, 1, {});
  for (const std::uint32_t tensor : tensors) cut.shares.push_back({tensor, view.dim});
  for (const std::uint32_t push : by_row) cut.shares.push_back({push, 1});
  if (!view.per_channel && view.own) cut.shares.push_back({logits, 1});
  else if (!view.per_channel) cut.step = view.z_count;
  return cut;
}

Specialization type_of_z(const Tensor& z) { return {{"Z_TYPE", static_cast<std::uint32_t>(z.dtype)}}; }

Cost cost_of(const Tensor& y, std::uint64_t logits, double tensors, double flop) {
  return {.flop = flop * static_cast<double>(y.size()), .bytes = tensors * static_cast<double>(y.bytes()) + static_cast<double>(logits)};
}

// Gradient of shared logits: the table of partial sums (parts, z_count) summed, and laid into z's shape; positions that were not used get
// 0.
Tensor shared_gradient(Graph& graph, const Tensor& z, const View& view, const Tensor& partial) {
  const Tensor dz = graph.tensor(z.shape, DType::f32);
  const bool whole = view.z_count == z.size();
  const auto used = static_cast<std::uint32_t>(view.z_count / z.dim(-1));
  const Shape parts{dimension(partial.size() / view.z_count, "gate: parts of the gradient"), dimension(view.z_count, "gate: logits")};
  sum_rows_into(graph, graph.reshape(partial, parts), whole ? dz : graph.slice(dz, 0, used));
  if (!whole) fill(graph, graph.slice(dz, used, z.dim(0) - used), 0);
  return convert(graph, dz, graph.gradient_dtype(z));
}

std::vector<Tensor> gradients(Graph& graph, const UserShaderHandle& user, const Tensor& y, const Tensor& z, const View& view,
                              const Tensor& d) {
  const bool own = view.own;
  if (user) user->require_backward();
  // Shared logits per channel: chunks of the rows, some quarter million invocations in all.
  const std::uint64_t chunks =
      own || !view.per_channel ? 1
                               : std::clamp<std::uint64_t>((1u << 18) / groups_in(view.dim), 1, std::max<std::uint64_t>(1, view.rows / 8));
  const std::uint64_t per_chunk = chunk_of(view.rows, chunks), elements = per_chunk * view.dim;
  const Tensor dy = graph.wants_gradient(y) ? graph.like(y) : Tensor();
  Tensor dz;
  if (graph.wants_gradient(z))
    dz = own ? graph.like(z) : graph.tensor({dimension(view.per_channel ? chunks * view.dim : view.rows, "gate: gradients")}, DType::f32);
  const Specialization types = type_of_z(z) + Specialization{{"DZ_TYPE", static_cast<std::uint32_t>(dz.dtype)}};
  const Cost cost = cost_of(y, view.z_count * bytes_of(z.dtype) + dz.bytes(), dy ? 3 : 2, 4);
  if (view.per_channel) {
    graph.dispatch({.shader = kernel_with("gate/gate_backward_channel", user),
                    .push = {y, z, d, dy, dz, view.rows, view.dim, chunks},
                    .cut = own ? cut_elements(view.dim, {0, 1, 2, 3, 4, 6})
                               : cut_along(chunks, {{0, elements}, {2, elements}, {3, elements}, {4, view.dim}, {5, per_chunk}, {7, 1}}),
                    .items = groups_of(chunks, view.dim),
                    .constants = for_rows(y, view.dim, {z, d}) + types,
                    .cost = cost});
  } else {
    const Team team = team_for(graph.caps(), view.dim);
    graph.dispatch({.shader = kernel_with("gate/gate_backward_row", user),
                    .push = {y, z, d, dy, dz, view.rows, view.dim, view.z_count},
                    .cut = cut_rows(view, {0, 2, 3}, 1, {4, 5}),
                    .items = view.rows * team.lanes,
                    .constants = for_rows(y, view.dim, {d}) + team.constants + types,
                    .cost = cost});
  }
  return {dy, own || !dz ? dz : shared_gradient(graph, z, view, dz)};
}

}  // namespace

Tensor gate(Graph& graph, const Tensor& y, const Tensor& z, std::uint32_t heads, const std::string& kind) {
  const UserShaderHandle user = Gates::find("gate", kind).user;
  const View view = view_of(y, z, heads);
  const Tensor result = graph.like(y);
  graph.dispatch({.shader = kernel_with("gate/gate", user),
                  .push = {y, z, result, view.rows, view.dim, view.z_count},
                  .cut = view.per_channel && view.own ? cut_elements(view.dim, {0, 1, 2, 4, 5}) : cut_rows(view, {0, 2}, 1, {3}),
                  .items = groups_of(view.rows, view.dim),
                  .constants = for_rows(y, view.dim, {z}) + type_of_z(z) + Specialization{{"PER_CHANNEL", view.per_channel}},
                  .cost = cost_of(y, view.z_count * bytes_of(z.dtype), 2, 4)});
  return graph.differentiable(result, {y, z}, [=](Graph& g, const Tensor& d) { return gradients(g, user, y, z, view, d); });
}

static const Gates::Registration channel("channel", {}), head("head", {}), token("token", {});

}  // namespace ablate
