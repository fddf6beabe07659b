#include "support/places.h"

namespace ablate::test {

std::filesystem::path source_folder() { return ABLATE_SOURCE_FOLDER; }
std::filesystem::path tests_folder() { return source_folder() / "tests"; }

}  // namespace ablate::test
