// Standard output and standard error, and the terminal, if there is one. Whoever reads them may go away at any time.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace ablate {

/// Opens those of the three standard streams that are closed, on nothing: a file opened later would take their number, and with it what is
/// meant for them. To be called before anything is opened.
void open_standard_streams();

/// Writes to standard error. Progress and notes are worth no run: failures (closed, a full disk, a pipe nobody reads) are ignored.
void tell(std::string_view text) noexcept;
template <class... Args>
requires(sizeof...(Args) > 0) void tell(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    tell(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
  } catch (const std::exception&) {
    return;  // no memory for the line
  }
}

/// Writes all of `text` to standard output now. Returns "", or the system's reason why that was not possible.
std::string write_output(std::string_view text);
/// Writes what has been printed to standard output and was not yet written. Throws RunError when anything printed could not be written.
void finish_output();

/// Whether standard output (or standard error) is a terminal that a person watches.
bool stdout_is_terminal();
bool stderr_is_terminal();

/// Columns of that terminal; 80 where it does not say.
int terminal_width();

}  // namespace ablate
