#include "ops/quantize.h"

#include "ops/quantization/format.h"
#include "ops/quantization/granularity.h"
#include "ops/rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ablate {
namespace {

// A tensor as the kernels see it: (sequences, time, dim), of which a weight is one sequence whose tokens are its rows.
struct View {
  Tensor x;
  std::uint32_t sequences, time, dim;
  Grouping grouping;

  std::uint64_t each() const { return std::uint64_t{time} * dim; }
  std::uint32_t runs_each() const {
    const std::uint64_t along = grouping.along / grouping.run + (grouping.along % grouping.run != 0 ? 1 : 0);
    return dimension(each() / grouping.along * along, "quantize: groups of a sequence");
  }
  std::uint32_t groups_each() const { return runs_each() / grouping.joined; }
};

// Columns that stay, (sequences, dim), or none.
Tensor kept_columns(Graph& graph, const View& v, const Quantization& q) {
  if (q.keep_columns_from <= 0) return {};
  const Tensor columns = graph.tensor({v.sequences, v.dim}, DType::f32);
  graph.dispatch({.shader = "quantize/kept_columns",
                  .push = {v.x, columns, columns.size(), v.time, v.dim, q.except_tokens, q.keep_columns_from},
                  .cut = cut_along(v.sequences, {{0, v.each()}, {1, v.dim}, {2, v.dim}}),
                  .items = columns.size(),
                  .constants = for_type(v.x),
                  .cost = {.flop = static_cast<double>(v.x.size()), .bytes = static_cast<double>(v.x.bytes())}});
  return columns;
}

// Of every run, (runs, 2): into `ranges`.
void find_ranges(Graph& graph, const View& v, const Tensor& columns, std::uint32_t except_tokens, const Tensor& ranges) {
  const Grouping& g = v.grouping;
  const std::uint32_t runs = ranges.dim(0), each = v.runs_each();
  const Cost cost{.flop = 2.0 * static_cast<double>(v.x.size()), .bytes = static_cast<double>(v.x.bytes())};
  if (g.inner > 1) {
    graph.dispatch({.shader = "quantize/ranges_across",
                    .push = {v.x, columns, ranges, runs, g.along, g.inner, g.run, v.dim, v.time, except_tokens},
                    .cut = cut_along(v.sequences, {{0, v.each()}, {1, v.dim}, {2, 2 * std::uint64_t{each}}, {3, each}}),
                    .items = runs,
                    .constants = for_type(v.x),
                    .cost = cost});
    return;
  }
  const Team team = team_for(graph.caps(), g.run);
  graph.dispatch({.shader = "quantize/ranges",
                  .push = {v.x, columns, ranges, runs, g.along, g.run, v.dim, v.time, except_tokens},
                  .cut = cut_along(v.sequences, {{0, v.each()}, {1, v.dim}, {2, 2 * std::uint64_t{each}}, {3, each}}),
                  .items = std::uint64_t{runs} * team.lanes,
                  .constants = for_rows(v.x, std::gcd(g.along, g.run)) + team.constants,
                  .cost = cost});
}

Tensor joined(Graph& graph, const Tensor& ranges, std::uint32_t each) {
  if (each == 1) return ranges;
  const Tensor wide = graph.tensor({ranges.dim(0) / each, 2}, DType::f32);
  graph.dispatch({.shader = "quantize/join_ranges",
                  .push = {ranges, wide, wide.dim(0), each},
                  .cut = cut_along(wide.dim(0), {{0, 2 * std::uint64_t{each}}, {1, 2}, {2, 1}}),
                  .rows = wide.dim(0),
                  .cost = {.flop = static_cast<double>(ranges.size()), .bytes = static_cast<double>(ranges.bytes())}});
  return wide;
}

// Of groups, and of wholes that consist of `per_whole` of them each: (groups, 2).
Tensor find_scales(Graph& graph, const NumberFormat& format, const Tensor& ranges, std::uint32_t per_whole, float clip) {
  const Tensor whole = format.with_whole ? joined(graph, ranges, per_whole) : Tensor();
  const Tensor scales = graph.tensor(ranges.shape, DType::f32);
  const std::uint64_t per = whole ? per_whole : 1;
  Cut cut = cut_along(ranges.dim(0) / per, {{0, 2 * per}, {2, 2 * per}, {3, per}});
  if (whole) cut.shares.push_back({1, 2});
  graph.dispatch({.shader = format.scales,
                  .push = {ranges, whole, scales, ranges.dim(0), per_whole, format.largest, clip},
                  .cut = std::move(cut),
                  .items = ranges.dim(0),
                  .constants = format.scale_constants,
                  .cost = {.flop = 50.0 * ranges.dim(0), .bytes = 2.0 * static_cast<double>(ranges.bytes())}});
  return scales;
}

// Whether one pass can do it all: groups are neighbours in a row and have no larger whole to look at.
bool in_one_pass(const View& v, const NumberFormat& format) {
  const Grouping& g = v.grouping;
  return !format.with_whole && g.inner == 1 && g.joined == 1 && g.along == v.dim && v.dim % 4 == 0 && (g.run % 4 == 0 || g.run >= v.dim) &&
         starts_in_quads({v.x});
}

// The same as find_ranges(), find_scales() and find_codes(). `scales`: (runs, 2), written; `codes` may be empty.
Tensor quantize_rows(Graph& graph, const View& v, const NumberFormat& format, float clip, const Tensor& columns,
                     std::uint32_t except_tokens, const Tensor& scales, const Tensor& codes) {
  const std::uint32_t run = std::min(v.grouping.run, v.dim);
  const Team team = team_for(graph.caps(), run);
  const Tensor y = graph.like(v.x);
  graph.dispatch({.shader = format.codes + "_of_rows",
                  .push = {v.x, columns, y, scales, codes, scales.dim(0), run, v.dim, v.time, except_tokens, format.largest, clip},
                  .cut = cut_along(
                      v.sequences,
                      {{0, v.each()}, {1, v.dim}, {2, v.each()}, {3, 2 * std::uint64_t{v.runs_each()}}, {4, v.each()}, {5, v.runs_each()}}),
                  .items = std::uint64_t{scales.dim(0)} * team.lanes,
                  .constants = for_rows(v.x, run, {y}) + team.constants + format.scale_constants + format.code_constants,
                  .cost = {.flop = 30.0 * static_cast<double>(v.x.size()), .bytes = 2.0 * static_cast<double>(v.x.bytes())}});
  return y;
}

// `scales` of the groups of every sequence, or, where it has fewer (shared), of all alike; the first run is `first_run` of those that they are of.
Tensor find_codes(Graph& graph, const View& v, const NumberFormat& format, const Tensor& scales, bool shared, std::uint32_t first_run,
                  const Tensor& columns, std::uint32_t except_tokens, const Tensor& codes) {
  const Grouping& g = v.grouping;
  const Tensor y = graph.like(v.x);
  Cut cut = cut_along(v.sequences, {{0, v.each()}, {2, v.dim}, {3, v.each()}, {4, v.each()}, {5, v.each()}});
  if (!shared) cut.shares.insert(cut.shares.end(), {{1, 2 * std::uint64_t{v.groups_each()}}, {6, v.groups_each()}});
  graph.dispatch({.shader = format.codes,
                  .push = {v.x, scales, columns, y, codes, v.x.size(), scales.dim(0), first_run, g.along, g.inner, g.run, g.joined, v.dim,
                           v.time, except_tokens},
                  .cut = std::move(cut),
                  .items = groups_in(v.x.size()),
                  .constants = for_rows(v.x, v.each(), {y}) + format.code_constants,
                  .cost = {.flop = 60.0 * static_cast<double>(v.x.size()), .bytes = 2.0 * static_cast<double>(v.x.bytes())}});
  return y;
}

Grouping grouping_of(const NumberFormat& format, const std::function<Grouping(std::uint32_t, std::uint32_t, const Quantization&)>& find,
                     std::uint32_t rows, std::uint32_t columns, const Quantization& q) {
  if (format.block > 0) return {.along = columns, .run = format.block};
  return find(rows, columns, q);
}

void check_static(const Quantization& q, std::uint32_t channels) {
  const std::uint32_t wanted = granularity_of(q).static_ranges(channels);
  require(q.range.size() == 2 * std::size_t{wanted}, "quantize: {} numbers for {} ranges of {} channels", q.range.size(), wanted, channels);
  for (std::size_t i = 0; i < q.range.size(); i += 2)
    require(std::isfinite(q.range[i]) && std::isfinite(q.range[i + 1]) && q.range[i] <= q.range[i + 1], "quantize: {} to {} is no range",
            q.range[i], q.range[i + 1]);
}

void require_faultless(const Quantization& q, bool weight) {
  if (const auto fault = fault_of(q, weight)) bad_input("quantize: {}: {}", fault->key, fault->what);
}

QuantizedTensor quantize_activations(Graph& graph, const Tensor& x, const Quantization& q, bool with_codes) {
  require_faultless(q, false);
  require(x.shape.size() == 3, "quantize: expected (B, T, C), found {}", to_string(x.shape));
  const NumberFormat format = number_format(q);
  const bool shared = !q.range.empty();
  if (shared) check_static(q, x.dim(2));
  const View v{x, x.dim(0), x.dim(1), x.dim(2), grouping_of(format, granularity_of(q).activations, x.dim(1), x.dim(2), q)};
  const Tensor columns = kept_columns(graph, v, q);
  QuantizedTensor result;
  if (with_codes) result.codes = graph.tensor(x.shape, DType::i32);
  if (shared) {
    const std::uint32_t count = static_cast<std::uint32_t>(q.range.size() / 2);
    result.scales = find_scales(graph, format, graph.constant("static ranges", {count, 2}, q.range), 1, q.clip);
  } else {
    const Tensor ranges = graph.tensor({dimension(std::uint64_t{v.sequences} * v.runs_each(), "quantize: groups"), 2}, DType::f32);
    if (in_one_pass(v, format)) {
      result.y = quantize_rows(graph, v, format, q.clip, columns, q.except_tokens, result.scales = ranges, result.codes);
      return result;
    }
    find_ranges(graph, v, columns, q.except_tokens, ranges);
    result.scales = find_scales(graph, format, joined(graph, ranges, v.grouping.joined), v.groups_each(), q.clip);
  }
  result.y = find_codes(graph, v, format, result.scales, shared, 0, columns, q.except_tokens, result.codes);
  return result;
}

}  // namespace

Tensor quantize(Graph& graph, const Tensor& x, const Quantization& q) { return quantize_activations(graph, x, q, false).y; }

QuantizedTensor quantize_to_codes(Graph& graph, const Tensor& x, const Quantization& q) { return quantize_activations(graph, x, q, true); }

Tensor channel_ranges(Graph& graph, const Tensor& x, std::uint32_t except_tokens) {
  require(x.shape.size() == 3, "channel_ranges: expected (B, T, C), found {}", to_string(x.shape));
  const View v{x, x.dim(0), x.dim(1), x.dim(2), {.along = x.dim(1), .inner = x.dim(2), .run = x.dim(1)}};
  const Tensor ranges = graph.tensor({dimension(std::uint64_t{v.sequences} * v.dim, "channel_ranges: channels"), 2}, DType::f32);
  find_ranges(graph, v, {}, except_tokens, ranges);
  return graph.reshape(ranges, {v.sequences, v.dim, 2});
}

// Ranges of all parts stand in one tensor, for a matrix's own range is over all of them.
Matrix quantize(Graph& graph, const Matrix& w, const Quantization& q, std::uint32_t matrices) {
  require_faultless(q, true);
  const NumberFormat format = number_format(q);
  const std::uint32_t rows = dimension(w.rows(), "quantize: rows");
  require(w.is_matrix() && matrices > 0 && rows % matrices == 0, "quantize: {} is not {} matrices", to_string(w), matrices);
  const Grouping grouping = grouping_of(format, granularity_of(q).weights, rows / matrices, w.columns(), q);
  std::vector<View> parts;
  std::uint32_t runs = 0;
  for (const Tensor& part : w.parts) {
    parts.push_back({part, 1, part.dim(0), part.dim(1), grouping});
    runs += parts.back().runs_each();
  }
  std::vector<Tensor> quantized;
  if (std::all_of(parts.begin(), parts.end(), [&](const View& v) { return in_one_pass(v, format); })) {
    for (const View& v : parts)
      quantized.push_back(quantize_rows(graph, v, format, q.clip, {}, 0, graph.tensor({v.runs_each(), 2}, DType::f32), {}));
    return Matrix(quantized);
  }
  const Tensor ranges = graph.tensor({runs, 2}, DType::f32);
  std::uint32_t first = 0;
  for (const View& v : parts) {
    find_ranges(graph, v, {}, 0, graph.slice(ranges, first, v.runs_each()));
    first += v.runs_each();
  }
  const Tensor scales = find_scales(graph, format, joined(graph, ranges, grouping.joined), runs / grouping.joined / matrices, q.clip);
  first = 0;
  for (const View& v : parts) {
    quantized.push_back(find_codes(graph, v, format, scales, true, first, {}, 0, {}));
    first += v.runs_each();
  }
  return Matrix(quantized);
}

}  // namespace ablate
