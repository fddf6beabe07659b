// The three ways things go wrong, each with its own exit code.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace ablate {

/// `text` with line ends and other control characters as spaces: what a user's file holds must not break a message apart.
inline std::string on_one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return text;
}

/// The user gave something that cannot work (a file, a key, a shape). Exit code 2; the message is one line: what, where, what was expected.
struct InputError : std::runtime_error {
  explicit InputError(const std::string& message) : std::runtime_error(on_one_line(message)) {}
};

/// No device has what was asked for: a feature, enough memory, or a device at all. Exit code 3.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An experiment went wrong while it ran (a NaN, a full disk, a lost device). Exit code 1.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The device went away while it worked: nothing more can run on it. Checkpoints on disk are not affected.
struct DeviceLost : RunError {
  using RunError::RunError;
};

/// The user asked to stop (SIGINT, SIGTERM); everything is saved and --resume goes on from here. Exit code 130.
struct Interrupted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws InputError with a formatted message unless `condition` holds.
template <class... Args>
void require(bool condition, fmt::format_string<Args...> message, Args&&... args) {
  if (!condition) throw InputError(fmt::format(message, std::forward<Args>(args)...));
}

/// Throws InputError with a formatted message.
template <class... Args>
[[noreturn]] void bad_input(fmt::format_string<Args...> message, Args&&... args) {
  throw InputError(fmt::format(message, std::forward<Args>(args)...));
}

}  // namespace ablate
