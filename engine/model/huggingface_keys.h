// The keys of a config.json that nobody reads: which of them are left out, and which must not be.
#pragma once

#include "base/settings.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Goes through the keys of `json` that are not read yet. Those that do not touch the arithmetic are left out, silently if they are in
/// every other file, else with a note; one that says it changes the arithmetic, or sounds like it, is refused by name unless its value
/// switches nothing on. `read`: the keys that were read; `file` starts the note. Throws InputError.
void settle_other_keys(Settings& json, std::string_view file, std::string_view architecture, std::span<const std::string_view> read,
                       std::vector<std::string>& notes);

/// Whether a value switches nothing on: false, 0, "", [] or {}.
bool is_off(const Value& value);

}  // namespace ablate
