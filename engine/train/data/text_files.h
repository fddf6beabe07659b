// Whether files are the text that they are said to be.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ablate {

/// Throws InputError for a file that is something else (compressed, a table, a PDF, UTF-16, a Git LFS pointer), or, where text is `decoded`
/// as UTF-8, has another encoding. A few bytes that are no UTF-8 become U+FFFD: `note`, if given, is told how many.
void check_text_files(const std::vector<std::filesystem::path>& files, bool decoded, const std::function<void(const std::string&)>& note);

}  // namespace ablate
