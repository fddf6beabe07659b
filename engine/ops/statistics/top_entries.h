#pragma once

#include "ops/statistics/top_channels.h"

namespace ablate {

/// The largest |x| of each group of rows, over all its rows and channels, largest first, ties to the lowest row and then the lowest
/// channel.
struct TopEntries {
  Tensor values;  ///< (groups, k) f32, magnitudes
  Tensor rows;    ///< (groups, k) i32, counted from the group's first row: the token when groups are sequences; -1 where a group has fewer
                  ///< entries
  Tensor channels;  ///< (groups, k) i32
};

/// Merges the rows' own top k, which must have been taken: rows of `top` are split into `groups` equal runs. Throws InputError when they
/// cannot be.
TopEntries top_entries(Graph& graph, const TopChannels& top, std::uint32_t groups);

}  // namespace ablate
