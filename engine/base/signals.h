// SIGINT and SIGTERM: finish the step, write, leave.
#pragma once

namespace ablate {

/// From now on SIGINT and SIGTERM only set a flag; a second SIGINT ends the process as usual.
void catch_stop_signals();

/// Whether one of them has arrived.
bool stop_requested();

}  // namespace ablate
