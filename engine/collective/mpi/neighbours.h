// Other ranks' processes on this machine.
#pragma once

namespace ablate {

struct Neighbour {
  int rank = 0;
  long process = 0;
};

long process_number();
/// Whether the process exists. (One of another user, or in another container, looks as if it did not.)
bool is_there(const Neighbour& neighbour);

}  // namespace ablate
