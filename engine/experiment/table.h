// Rows for the terminal.
#pragma once

#include "experiment/results.h"

#include <span>

namespace ablate {

/// The rows as a table with aligned columns: name, swept keys, then the scalar metrics (`columns`, or the usual ones that are present:
/// loss, perplexity, sink_ratio, spike, ...). A published value stands beside ours as "23.9 (46.0)". Rows that differ only in `seed` become
/// one, "3.337 ±0.020": mean and sample standard deviation. A failed row says why. Rows of a group are a table of their own under its name.
std::string format_table(std::span<const Row> rows, const std::vector<std::string>& columns = {});

/// Rise, plateau and fall of the largest activation over the residual states: one column per state (or per few, when they are more than the
/// width), bars on a log scale.
std::string plot_life_cycle(std::span<const double> spike_per_state, int width = 80, int height = 10);

}  // namespace ablate
