#include "graph/plan.h"

#include <algorithm>
#include <limits>

namespace ablate {
namespace {

constexpr std::uint64_t alignment = 256;

struct Life {
  std::uint32_t storage;
  std::uint64_t bytes, offset = 0;
  std::size_t first, last;
};

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

std::vector<Life> lives_of(const Graph& graph, const PlanOptions& options) {
  constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  const auto& storages = graph.storages();
  std::vector<std::size_t> first(storages.size(), never), last(storages.size(), 0);
  for (std::size_t step = 0; step < graph.dispatches().size(); ++step) {
    for (const PushValue& value : graph.dispatches()[step].push) {
      if (value.kind != 'p' || !value.tensor) continue;
      first[value.tensor.storage] = std::min(first[value.tensor.storage], step);
      last[value.tensor.storage] = step;
    }
  }
  std::vector<Life> lives;
  for (std::uint32_t i = 1; i < storages.size(); ++i) {
    if (storages[i].address != 0 || (first[i] == never && !storages[i].kept)) continue;
    const bool whole = storages[i].kept || !options.share;
    lives.push_back({i, aligned(storages[i].bytes + 2 * options.guard), 0, whole ? 0 : first[i], whole ? never : last[i]});
  }
  return lives;
}

// The lowest offset where `life` fits between those already placed that are live at the same time.
std::uint64_t lowest_fit(const Life& life, const std::vector<Life>& placed, std::uint64_t block) {
  std::vector<const Life*> others;
  for (const Life& other : placed)
    if (other.first <= life.last && life.first <= other.last) others.push_back(&other);
  std::sort(others.begin(), others.end(), [](const Life* a, const Life* b) { return a->offset < b->offset; });
  std::uint64_t offset = 0;
  const auto past_cut = [&](std::uint64_t at) { return at % block + life.bytes > block ? (at / block + 1) * block : at; };
  for (const Life* other : others) {
    if (offset + life.bytes <= other->offset) break;
    offset = past_cut(std::max(offset, other->offset + other->bytes));
  }
  return offset;
}

}  // namespace

std::uint64_t most_live(const Graph& graph) {
  std::vector<std::int64_t> change(graph.dispatches().size() + 1);  // of the bytes that are live, at each dispatch
  for (const Life& life : lives_of(graph, {})) {
    change[std::min(life.first, change.size() - 1)] += static_cast<std::int64_t>(life.bytes);
    if (life.last < change.size() - 1) change[life.last + 1] -= static_cast<std::int64_t>(life.bytes);
  }
  std::int64_t live = 0, most = 0;
  for (const std::int64_t bytes : change) most = std::max(most, live += bytes);
  return static_cast<std::uint64_t>(most);
}

MemoryPlan plan_memory(const Graph& graph, const PlanOptions& options) {
  MemoryPlan plan;
  plan.offset.assign(graph.storages().size(), MemoryPlan::unplaced);
  plan.block = options.max_allocation / alignment * alignment;
  std::vector<Life> lives = lives_of(graph, options);
  std::stable_sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) { return a.bytes > b.bytes; });
  std::vector<Life> placed;
  for (Life& life : lives) {
    if (life.bytes > plan.block)
      throw DeviceError(fmt::format("{}: needs {} bytes in one piece, the device allows {} in one allocation",
                                    graph.storages()[life.storage].name, life.bytes, plan.block));
    life.offset = lowest_fit(life, placed, plan.block);
    plan.offset[life.storage] = life.offset + options.guard;
    plan.bytes = std::max(plan.bytes, life.offset + life.bytes);
    placed.push_back(life);
  }
  return plan;
}

const Storage* largest_storage(const Graph& graph) {
  const Storage* largest = nullptr;
  for (const Storage& storage : graph.storages())
    if (storage.address == 0 && (!largest || storage.bytes > largest->bytes)) largest = &storage;
  return largest;
}

}  // namespace ablate
