// Runs an op with several results of any type, for tests that say themselves what they expect.
#pragma once

#include "support/op_test.h"

namespace ablate::test {

/// Random inputs as run_check draws them, rounded to their types.
std::vector<Array<double>> random_inputs(const std::vector<OpInput>& inputs, std::uint64_t seed = 1);

/// What `build` appends, run between guard bands: the elements of every tensor it returns.
std::vector<std::vector<double>> run_op(const std::vector<OpInput>& inputs, const std::vector<Array<double>>& data,
                                        const std::function<std::vector<Tensor>(Graph&, const std::vector<Tensor>&)>& build);

/// Whether the device can store the type; if not, notes the skip.
bool can_store(const std::string& name, DType type);

}  // namespace ablate::test
