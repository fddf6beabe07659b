// SIGINT and SIGTERM: finish the step, write, leave.
#pragma once

namespace ablate {

/// From now on SIGINT and SIGTERM only set a flag; a second one ends the process as usual. Writing to a pipe nobody reads, or past the
/// largest file allowed, is an error of that write and no longer the process's end.
void catch_stop_signals();

/// Whether one of them has arrived.
bool stop_requested();

}  // namespace ablate
