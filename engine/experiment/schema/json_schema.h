// A JSON Schema of experiment files, for editors that complete and check them.
#pragma once

#include "experiment/schema/known_keys.h"

namespace ablate {

/// JSON Schema draft 7, which is what TOML editors read. Files may leave out what a file that they extend says, so nothing is required; and
/// a string that begins with "=" may stand where a number is wanted.
std::string json_schema(const std::map<std::string, KnownKey>& keys);

}  // namespace ablate
