// Several experiment files as one: `include = ["normalization.toml", "gated_attention.toml"]`.
//
// A file with `include` has besides it only `name`, `title` and `description`. Its points are those of the files, in their order. A row is called
// by its file's name and its own ("normalization: pre-norm"), also in the claims, which come along; its group is its file's title. `--set` holds
// for every file.
#pragma once

#include "experiment/plan.h"

#include <optional>

namespace ablate {

/// The file's table if it has `include`. Throws InputError for what is no TOML.
std::optional<Value> collection_in(std::string_view text, const std::filesystem::path& file);

/// `table` is that of `file`. Throws InputError, also for what is wrong with one of the files.
Plan read_collection(const Value& table, const std::filesystem::path& file, const std::vector<std::string>& sets);

}  // namespace ablate
