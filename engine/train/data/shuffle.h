// An order of many things that needs no memory.
#pragma once

#include <cstdint>

namespace ablate {

/// Which of `count` things stands at `place` in the order that (seed, round) draws: every one at one place. A Feistel network (Luby and
/// Rackoff 1988) over the least even number of bits, walked along its cycle until it falls below `count` (Black and Rogaway 2002).
std::uint64_t shuffled(std::uint64_t place, std::uint64_t count, std::uint64_t seed, std::uint64_t round);

}  // namespace ablate
