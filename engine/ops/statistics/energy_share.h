#pragma once

#include "ops/statistics/top_channels.h"

namespace ablate {

/// How sparse rows are: the share of the row's squared L2 norm that its top channels hold, 0 to 1 (Figure 5 of arXiv 2603.05498 shows such
/// for normalised spike tokens; the range |x| <= bound beside it is top.values[:, 0]). top: of x; norms: row_norms of x, (rows) f32 ->
/// (rows) f32; 0 for a zero row.
Tensor energy_share(Graph& graph, const TopChannels& top, const Tensor& norms);

}  // namespace ablate
