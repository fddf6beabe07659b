// Runs an op with several results of any type, for tests that say themselves what they expect.
#pragma once

#include "graph/executor.h"
#include "support/op_test.h"

#include <memory>

namespace ablate::test {

/// Random inputs as run_check draws them, rounded to their types.
std::vector<Array<double>> random_inputs(const std::vector<OpInput>& inputs, std::uint64_t seed = 1);

/// Runs a graph between guard bands, each storage in memory of its own, and again with memory shared as real runs share it: what is kept
/// must have the same bits both times. `write` gives an executor its inputs. Returns the first executor, to read from.
std::unique_ptr<Executor> run_both_ways(const Graph& graph, const std::function<void(Executor&)>& write);

/// What `build` appends, run both ways: the elements of every tensor it returns.
std::vector<std::vector<double>> run_op(const std::vector<OpInput>& inputs, const std::vector<Array<double>>& data,
                                        const std::function<std::vector<Tensor>(Graph&, const std::vector<Tensor>&)>& build);

/// Whether the device's kernels index so many elements ("elements=" may mask that); if not, notes the skip.
bool can_reach(const std::string& name, std::uint64_t elements);

/// Whether the device can store the type; if not, notes the skip.
bool can_store(const std::string& name, DType type);

}  // namespace ablate::test
