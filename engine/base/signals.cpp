#include "base/signals.h"

#include <csignal>

namespace ablate {
namespace {

volatile std::sig_atomic_t stopped = 0;  // the only thing a signal handler may touch

extern "C" void stop(int signal) {
  stopped = 1;
  std::signal(signal, SIG_DFL);
}

#ifndef _WIN32
extern "C" void hang_up(int) { stopped = 1; }
#endif

}  // namespace

void catch_stop_signals() {
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
#ifndef _WIN32
  if (std::signal(SIGHUP, hang_up) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
#endif
}

bool stop_requested() { return stopped != 0; }

}  // namespace ablate
