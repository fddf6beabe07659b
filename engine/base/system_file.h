// Open files as the system knows them, for the classes that own them. What differs between systems is in file.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace ablate::system_file {

using Handle = std::intptr_t;
inline constexpr Handle none = -1;

/// A new file in `folder`, to be written and read, which goes away when it is closed or the process ends. none when there can be no such file.
Handle open_nameless(const std::filesystem::path& folder);

/// Opens a file to write at its end; it is made if it is not there. Only one process at a time has it so. Returns "", or the system's reason why not.
std::string open_to_append(const std::filesystem::path& path, Handle& file);

/// Returns when what was written is on the disk. "", or the system's reason why it is not.
std::string flush(Handle file);

/// All of `bytes`, however many signals arrive meanwhile. Returns "", or the system's reason why it took only a part of them.
std::string write_all(Handle file, std::span<const std::byte> bytes);

/// The first `size` bytes of a file, read-only; nullptr when they cannot be mapped.
const std::byte* map(Handle file, std::size_t size);
void unmap(const std::byte* data, std::size_t size);

void close(Handle file);

}  // namespace ablate::system_file
