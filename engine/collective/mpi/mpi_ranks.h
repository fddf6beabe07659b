#pragma once

#include "collective/collective.h"

namespace ablate {

/// The ranks of MPI_COMM_WORLD. A thread carries messages on while this rank computes, and watches those on the same machine: when one of them
/// is gone, this process says so in a line and exits with 1.
std::unique_ptr<Collective> join_mpi();

}  // namespace ablate
