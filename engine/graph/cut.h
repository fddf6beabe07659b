// Launches that are too large for one kernel, cut into pieces that are not.
#pragma once

#include "graph/graph.h"

#include <cstdint>
#include <vector>

namespace ablate {

/// The launch, or the fewest pieces of it whose tensors have at most `most` elements, whose counts fit a kernel's 32 bits, and which, as far as the
/// launch can be cut, do no more than `cost`. Throws InputError naming the op, the shader and the shape where a tensor or a count stays too large.
std::vector<Dispatch> pieces_of(Dispatch dispatch, std::uint64_t most, const Cost& cost);

/// A cut of a kernel over flat memory: the push constants `push`, the count among them, have one per element. Pieces begin at multiples of 64
/// elements, so that every vector access stays aligned.
Cut cut_elements(std::uint64_t count, std::initializer_list<std::uint32_t> push);
/// A cut along units that own what the shares say.
Cut cut_along(std::uint64_t units, std::initializer_list<Cut::Share> shares);

}  // namespace ablate
