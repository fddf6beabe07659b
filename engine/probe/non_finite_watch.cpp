#include "probe/non_finite_watch.h"

#include "ops/statistics/counters.h"
#include "ops/statistics/non_finite.h"

#include <algorithm>

namespace ablate {
namespace {

std::string block_text(const TransformerConfig& config, int block) {
  if (block == 0) return "the embedding";
  const bool attention = !config.has_ffn() || block % 2 == 1 || config.second_is_attention();
  return fmt::format("block {}, {}", block, attention ? "attention" : "feed-forward");
}

// Of a (1, C) that all sequences share the first.
std::uint32_t sequence_of(std::uint32_t row, std::uint32_t rows, const ProbeBatch& batch) {
  return rows == batch.rows * batch.tokens ? row / batch.tokens : 0;
}

}  // namespace

void NonFiniteWatch::begin(Graph& graph, const TransformerConfig& config) {
  config_ = config;
  points_.clear();
  found_ = graph.keep(counters(graph, {static_cast<std::uint32_t>(hook_points(config).size()), 2}));
}

void NonFiniteWatch::at(Graph& graph, const Hook& hook, const Tensor& x) {
  require(points_.size() < found_.dim(0), "{}: more hook points than the model has", hook.name());
  count_non_finite(graph, x, graph.slice(found_, static_cast<std::uint32_t>(points_.size()), 1));
  points_.push_back({hook, x.rows(), x.dtype});
}

std::string NonFiniteWatch::describe(const Point& point, std::uint32_t row, bool nan, const ProbeBatch& batch) const {
  std::string text = point.hook.name();
  if (const int block = std::max(point.hook.residual() * config_.blocks_per_state(), point.hook.block()); block >= 0)
    text += fmt::format(" ({})", block_text(config_, block));
  if (point.rows == batch.rows * batch.tokens)
    text += fmt::format(", sequence {}, token {}", batch.first + row / batch.tokens, row % batch.tokens);
  return text + fmt::format(": {} in {}", nan ? "NaN" : "infinity", name_of(point.dtype));
}

NonFiniteWatch::Found NonFiniteWatch::collect(Executor& executor, const ProbeBatch& batch) const {
  const std::vector<std::int32_t> words = executor.read_ints(found_);
  std::vector<NonFinite> all;
  Found found;
  std::uint32_t sequence = batch.rows;  // the first that has any, so that it does not matter how many go at once
  for (std::size_t i = 0; i < points_.size(); ++i) {
    all.push_back(NonFinite::of(std::span(words).subspan(2 * i, 2)));
    found.count += all[i].count;
    if (all[i].count > 0) sequence = std::min(sequence, sequence_of(all[i].row, points_[i].rows, batch));
  }
  bool state_found = false;
  for (std::size_t i = 0; i < points_.size() && !state_found; ++i) {
    if (all[i].count == 0 || sequence_of(all[i].row, points_[i].rows, batch) != sequence) continue;
    state_found = points_[i].hook.residual() >= 0;
    if (found.begins.empty()) found.begins = points_[i].hook.name();
    if (found.state.empty() || state_found) found.state = describe(points_[i], all[i].row, all[i].nan, batch);
  }
  return found;
}

}  // namespace ablate
