// Where the golden values are: tests/golden, or the folder that ABLATE_GOLDEN names (a larger set in the same layout).
#pragma once

#include "support/places.h"

#include <cstdlib>
#include <filesystem>

namespace ablate::test {

inline std::filesystem::path golden_folder() {
  const char* other = std::getenv("ABLATE_GOLDEN");
  return other && *other ? std::filesystem::path(other) : tests_folder() / "golden";
}

}  // namespace ablate::test
