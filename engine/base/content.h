// What a file really is, whatever its name says: told from its first bytes, for messages about files that cannot be read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ablate {

/// "a Git LFS pointer, not the file itself: git lfs pull fetches it": what `file` is and what to do about it, where its bytes say so; ""
/// where they could be anything. Only signatures are known here that no row of token ids begins with by chance.
std::string describe_container(std::span<const std::byte> file);

/// The same, and what can be told only where text or JSON was expected: UTF-16, UTF-32, an empty file, one that is nothing but zeros.
std::string describe_content(std::span<const std::byte> file);
std::string describe_content(std::string_view file);

/// Throws InputError "where: is a ..." if describe_content has a word for it.
void refuse_other_content(std::string_view file, std::string_view where);

}  // namespace ablate
