// Models as people name them: by a path, or as on the Hugging Face Hub.
#pragma once

#include "base/settings.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace ablate {

/// Where the checkpoint is that `name` means: `path` where anything is there or `name` can be nothing but a path, else the snapshot in the Hugging Face
/// cache. Nothing is downloaded: throws InputError saying where was looked and how to download it, begun with `where`, if it is given.
std::filesystem::path find_checkpoint(const std::filesystem::path& path, std::string_view name, std::string_view where = "");

/// The same for a tokenizer: the path of its file. A folder stands for the tokenizer in it.
std::filesystem::path find_tokenizer(const std::filesystem::path& path, std::string_view name, std::string_view where = "");

/// The checkpoint, or the tokenizer, that a key names, as seen from the folder of its file; empty where the key is absent or "".
std::filesystem::path read_checkpoint_path(Settings& settings, const Key& key);
std::filesystem::path read_tokenizer_path(Settings& settings, const Key& key);

}  // namespace ablate
