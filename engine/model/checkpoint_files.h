// Which files of a model's folder hold what.
#pragma once

#include "model/safetensors.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

/// The folder's config.json. Throws InputError saying what the folder is where it has none: an adapter, a cache with its snapshots, Meta's
/// layout, a parent of checkpoints.
std::filesystem::path config_file(const std::filesystem::path& folder);

/// model.safetensors, or the shards of its index; the first where both are there, as in Transformers, with a note. Throws InputError saying
/// which weights there are instead.
std::vector<std::unique_ptr<SafetensorsFile>> open_weight_files(const std::filesystem::path& folder, std::vector<std::string>& notes);

/// Where the tokenizer of a checkpoint is: the folder's tokenizer.json, or the GGUF file itself.
std::filesystem::path tokenizer_file(const std::filesystem::path& checkpoint);

/// Why the checkpoint names no token that starts a window.
std::string why_checkpoint_has_no_bos(const std::filesystem::path& checkpoint);

/// What the folder has in place of a tokenizer.json: "(it has a tokenizer.model: ...)".
std::string describe_tokenizer_files(const std::filesystem::path& folder);

}  // namespace ablate
