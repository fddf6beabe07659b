// By which the Hub names what a file holds.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ablate {

/// The SHA-256 of a file, as 64 hexadecimal digits: of what lies in large-file storage.
std::string sha256_of(const std::filesystem::path& file);
/// Git's name for a file's content, as 40 hexadecimal digits (SHA-1 of "blob SIZE\0" and the content): of what lies in Git itself.
std::string git_blob_of(const std::filesystem::path& file);

/// What is wrong with a file that should have this digest (64 or 40 hexadecimal digits; anything else says nothing); "" if it has it.
std::string check_digest(const std::filesystem::path& file, std::string_view digest);

}  // namespace ablate
