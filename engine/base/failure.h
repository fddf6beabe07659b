// The end of a program that failed.
#pragma once

#include <string>

namespace ablate {

/// Within a catch block: tells what was thrown in one line, "WHO: message", and returns the exit code for it.
int tell_failure(const std::string& who);

}  // namespace ablate
