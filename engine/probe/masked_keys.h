// Keys hidden from later queries.
#pragma once

#include "probe/changes.h"
#include "probe/cut_in.h"

#include <vector>

namespace ablate {

/// Computes an attention block anew with the keys of all cuts masked, each for its heads. Counted as changed: the weights on its keys that become 0.
void mask_keys(Graph& graph, AttentionCall& call, const std::vector<CutIn>& cuts, Changes& changes);

}  // namespace ablate
