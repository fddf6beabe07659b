// The terminal, if there is one.
#pragma once

namespace ablate {

/// Whether standard output (or standard error) is a terminal that a person watches.
bool stdout_is_terminal();
bool stderr_is_terminal();

/// Columns of that terminal; 80 where it does not say.
int terminal_width();

}  // namespace ablate
