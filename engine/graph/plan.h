// Where every intermediate lives: storages that are never live together share memory.
#pragma once

#include "graph/graph.h"
#include "vulkan/shader.h"

#include <cstdint>
#include <vector>

namespace ablate {

struct MemoryPlan {
  static constexpr std::uint64_t unplaced = ~0ull;
  std::vector<std::uint64_t> offset;  ///< per storage, into the virtual arena; `unplaced` for external or unused ones
  std::uint64_t bytes = 0;            ///< of the arena
  std::uint64_t block = 0;            ///< the arena is cut into allocations of this many bytes; no storage crosses a cut
};

struct PlanOptions {
  std::uint64_t max_allocation = ~0ull;
  std::uint64_t guard = 0;  ///< bytes left free around every storage
  bool share = true;        ///< false: every storage has its own memory
};

/// The largest storage that has to be placed, which messages about memory name; null when there is none.
const Storage* largest_storage(const Graph& graph);

/// Bytes of the storages that are live at the same time, at most: what no plan goes below, found sooner than one.
std::uint64_t most_live(const Graph& graph);

/// Greedy by size (Pisarchyk and Lee 2020, arXiv 2001.03288): the largest storages first, each at the lowest offset free during its life.
/// Throws DeviceError naming a storage larger than one allocation.
MemoryPlan plan_memory(const Graph& graph, const PlanOptions& options);

}  // namespace ablate
