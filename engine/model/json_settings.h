// JSON read through the same class as experiment files: typed keys, messages that name the place, and no key left unread.
#pragma once

#include "base/settings.h"

#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// The object that `json` holds; keys whose value is null are absent (`nulls`, if given, gets their names, of the top level and of the tables in it: "a.b"). `where` (a
/// file name) and the line of the key start every message. Throws InputError for text that is not a JSON object, and for a key given twice.
Settings settings_from_json(std::string_view json, const std::string& where, std::vector<std::string>* nulls = nullptr);

}  // namespace ablate
