#include "base/signals.h"

#include <csignal>

namespace ablate {
namespace {

volatile std::sig_atomic_t stopped = 0;  // the only thing a signal handler may touch

extern "C" void stop(int signal) {
  stopped = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_stop_signals() {
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
#ifndef _WIN32
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
#endif
}

bool stop_requested() { return stopped != 0; }

}  // namespace ablate
