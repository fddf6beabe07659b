// Whether this process was started as one of several.
#include "base/error.h"
#include "collective/collective.h"

#ifdef ABLATE_MPI
#include "collective/mpi/mpi_ranks.h"
#endif

#include <cstdlib>

namespace ablate {
namespace {

int number(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : 0;
}

// As mpirun (Open MPI, MPICH and its kin) and srun (PMIx, PMI) tell the processes that they start. A batch script of Slurm has a number of
// tasks too, and is none of them.
bool started_with_others() {
  for (const char* ranks : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"})
    if (number(ranks) > 1) return true;
  return std::getenv("PMIX_RANK") && number("SLURM_STEP_NUM_TASKS") > 1;
}

}  // namespace

std::unique_ptr<Collective> join_ranks() {
  if (!started_with_others()) return alone();
#ifdef ABLATE_MPI
  std::unique_ptr<Collective> ranks = join_mpi();
  if (ranks->size() > 1) return ranks;
  ranks->leave();
  return alone();
#else
  bad_input(
      "started as one of several ranks, but built without MPI: install libopenmpi-dev and openmpi-bin (Debian, Ubuntu) and build again, or "
      "start it without mpirun");
#endif
}

}  // namespace ablate
