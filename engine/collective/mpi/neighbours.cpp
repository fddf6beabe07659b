#include "collective/mpi/neighbours.h"

#include <csignal>
#include <fstream>
#include <string>

#include <unistd.h>

namespace ablate {

long process_number() { return static_cast<long>(getpid()); }

// A process that has ended is still listed until whoever started it asks how: its state, after the name in brackets, is then Z.
bool is_there(const Neighbour& neighbour) {
  if (kill(static_cast<pid_t>(neighbour.process), 0) != 0) return false;
  std::ifstream file("/proc/" + std::to_string(neighbour.process) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return true;
  const std::size_t name = text.rfind(')');
  return name == std::string::npos || name + 2 >= text.size() || (text[name + 2] != 'Z' && text[name + 2] != 'X');
}

}  // namespace ablate
