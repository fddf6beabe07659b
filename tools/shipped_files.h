// Experiments that come with the program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ablate {

/// The folder `experiments` of the source tree or installation that the running program belongs to; empty if there is none.
std::filesystem::path shipped_experiments();

/// The experiment file that is meant: `given` where there is such a file, else the shipped one of that name ("quickstart", "paper/all"). Throws
/// InputError listing what there is.
std::filesystem::path experiment_file(const std::filesystem::path& given);

}  // namespace ablate
