// What ends a download.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <utility>

namespace ablate {

/// Something could not be downloaded: one line that names the file and says why. Exit code 3.
struct FetchError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
[[noreturn]] void cannot_fetch(fmt::format_string<Args...> message, Args&&... args) {
  throw FetchError(fmt::format(message, std::forward<Args>(args)...));
}

}  // namespace ablate
