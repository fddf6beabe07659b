#include "base/terminal.h"

#include <initializer_list>

#ifdef _WIN32
#define NOMINMAX
#include <io.h>
#include <windows.h>
#else
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace ablate {

#ifdef _WIN32

bool stdout_is_terminal() { return _isatty(1); }
bool stderr_is_terminal() { return _isatty(2); }

int terminal_width() {
  CONSOLE_SCREEN_BUFFER_INFO info;
  const bool known = GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info);
  return known ? info.srWindow.Right - info.srWindow.Left + 1 : 80;
}

#else

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

int terminal_width() {
  winsize size{};
  for (const int file : {STDERR_FILENO, STDOUT_FILENO}) {
    if (::ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

#endif

}  // namespace ablate
