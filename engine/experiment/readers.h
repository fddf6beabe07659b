// Who reads a point's settings.
#pragma once

#include "base/settings.h"

#include <functional>
#include <string>
#include <vector>

namespace ablate {

/// Asks for some of the keys of a point. Throws InputError.
using PointReader = std::function<void(Settings& experiment)>;

/// Everybody who reads keys of a point of this kind, but for read_user_shaders (ops/user/user_shader.h), whose names must last as long as
/// the others read.
std::vector<PointReader> point_readers(const std::string& kind);

/// Whether points of this kind read `key`: a table's name, or a key of a table that others read in whole.
bool reads(const std::string& kind, const std::string& key);

}  // namespace ablate
