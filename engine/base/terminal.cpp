#include "base/terminal.h"

#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#ifdef _WIN32
#define NOMINMAX
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace ablate {

#ifdef _WIN32

static long long put(int file, const char* text, std::size_t size) { return _write(file, text, static_cast<unsigned>(size)); }

void open_standard_streams() {
  for (int file = 0; file < 3; ++file)
    if (_get_osfhandle(file) < 0) _open("NUL", _O_RDWR);
}

bool stdout_is_terminal() { return _isatty(1); }
bool stderr_is_terminal() { return _isatty(2); }

int terminal_width() {
  CONSOLE_SCREEN_BUFFER_INFO info;
  const bool known = GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info);
  return known ? info.srWindow.Right - info.srWindow.Left + 1 : 80;
}

#else

static long long put(int file, const char* text, std::size_t size) { return ::write(file, text, size); }

// The lowest free number is taken: that of the stream that is missing.
void open_standard_streams() {
  for (int file = 0; file < 3; ++file)
    if (::fcntl(file, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) return;
}

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

static std::string write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const long long written = put(file, text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR) return std::strerror(errno);
  }
  return "";
}

void tell(std::string_view text) noexcept {
  try {
    write_all(2, text);
  } catch (const std::exception&) {
    return;  // no memory for the reason, which nobody would see
  }
}

std::string write_output(std::string_view text) {
  std::fflush(stdout);
  return write_all(1, text);
}

void finish_output() {
  const bool written = std::fflush(stdout) == 0;
  const int error = errno;
  if (!written || std::ferror(stdout))
    throw RunError(fmt::format("standard output cannot be written{}", written ? "" : fmt::format(" ({})", std::strerror(error))));
}

}  // namespace ablate
