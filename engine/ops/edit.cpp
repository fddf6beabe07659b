#include "ops/edit.h"

#include "ops/rows.h"

namespace ablate {
namespace {

// 1 at the listed indices, 0 elsewhere; none (everything) where the list is empty.
Tensor mask_of(Graph& graph, const char* what, const std::vector<std::uint32_t>& list, std::uint32_t size) {
  if (list.empty()) return {};
  std::vector<float> mask(size, 0.0f);
  for (const std::uint32_t i : list) {
    require(i < size, "edit: {} {} of {}", what, i, size);
    mask[i] = 1;
  }
  return graph.constant(std::string("edited ") + what + "s", {size}, mask);
}

// The edit's values per channel as a tensor; none where one number serves all.
Tensor values_of(Graph& graph, const Edit& edit, std::uint32_t channels) {
  if (edit.values) {
    require(edit.values.size() == channels && edit.values.dtype == DType::f32, "edit: {} values for {} channels", edit.values.size(),
            channels);
    return edit.values;
  }
  if (edit.value.size() == 1) return {};
  const std::size_t wanted = edit.channels.empty() ? channels : edit.channels.size();
  require(edit.value.size() == wanted, "edit: {} values for {} channels", edit.value.size(), wanted);
  std::vector<float> values(channels, 0.0f);
  for (std::size_t k = 0; k < wanted; ++k) values.at(edit.channels.empty() ? k : edit.channels[k]) = edit.value[k];
  return graph.constant("edit values", {channels}, values);
}

}  // namespace

Tensor edit(Graph& graph, const Tensor& x, const Edit& edit) {
  require(x.shape.size() == 3, "edit: expected (B, T, C), found {}", to_string(x.shape));
  const std::uint32_t time = x.dim(1), channels = x.dim(2);
  require(!edit.token_mask || (edit.token_mask.size() == x.rows() && edit.token_mask.dtype == DType::f32), "edit: a token mask {} for {}",
          to_string(edit.token_mask.shape), to_string(x.shape));
  const Tensor channel_mask = mask_of(graph, "channel", edit.channels, channels),
               position_mask = mask_of(graph, "token", edit.tokens, time);
  const std::uint64_t sequence = std::uint64_t{time} * channels;
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = "edit/edit",
                  .push = {x, channel_mask, position_mask, edit.token_mask, values_of(graph, edit, channels), y, x.size(), channels, time,
                           edit.value.empty() ? 0.0f : edit.value.front()},
                  .cut = cut_along(x.dim(0), {{0, sequence}, {3, time}, {5, sequence}, {6, sequence}}),
                  .items = x.size(),
                  .constants = for_type(x) + Specialization{{"KIND", static_cast<std::uint32_t>(edit.kind)}},
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return y;
}

std::vector<std::uint32_t> channels_of_heads(const std::vector<std::uint32_t>& heads, std::uint32_t head_dim) {
  std::vector<std::uint32_t> channels;
  for (const std::uint32_t head : heads)
    for (std::uint32_t i = 0; i < head_dim; ++i) channels.push_back(head * head_dim + i);
  return channels;
}

Tensor project_out(Graph& graph, const Tensor& x, const Tensor& directions, const std::vector<std::uint32_t>& tokens) {
  constexpr std::uint32_t most = 16;  // as shaders/edit/project_out.comp
  const bool fit = x.shape.size() == 3 && directions.dtype == DType::f32 && directions.shape.size() == 2 &&
                   directions.dim(1) == x.dim(-1) && directions.dim(0) <= most;
  require(fit, "project_out: expected (B, T, C) and at most {} directions (K, C), found {} and {}", most, to_string(x.shape),
          to_string(directions.shape));
  const std::uint64_t sequence = std::uint64_t{x.dim(1)} * x.dim(2);
  const Team team = team_for(graph.caps(), x.dim(2));
  const Tensor y = graph.like(x);
  graph.dispatch(
      {.shader = "edit/project_out",
       .push = {x, directions, mask_of(graph, "token", tokens, x.dim(1)), y, x.rows(), x.dim(2), x.dim(1), directions.dim(0)},
       .cut = cut_along(x.dim(0), {{0, sequence}, {3, sequence}, {4, x.dim(1)}}),
       .items = std::uint64_t{x.rows()} * team.lanes,
       .constants = for_rows(x, x.dim(2), {directions}) + team.constants,
       .cost = {.flop = 4.0 * directions.dim(0) * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return y;
}

}  // namespace ablate
