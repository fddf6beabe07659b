// Where the project's own files are.
#pragma once

#include <filesystem>

namespace ablate::test {

std::filesystem::path source_folder();
std::filesystem::path tests_folder();

}  // namespace ablate::test
