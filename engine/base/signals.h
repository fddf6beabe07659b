// SIGINT, SIGTERM and SIGHUP: finish the step, write, leave.
#pragma once

namespace ablate {

/// From now on SIGINT, SIGTERM and SIGHUP (the terminal is gone) only set a flag. A second SIGINT or SIGTERM ends the process as usual;
/// SIGHUP may come more than once from one terminal, and is ignored where it was (nohup). Writing to a pipe nobody reads, or past the largest
/// file allowed, is an error of that write and no longer the process's end.
void catch_stop_signals();

/// Whether one of them has arrived.
bool stop_requested();

}  // namespace ablate
