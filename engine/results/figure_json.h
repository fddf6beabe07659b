// Figures as JSON, under the names of base/figure.h.
#pragma once

#include "base/figure.h"

#include <nlohmann/json_fwd.hpp>

namespace ablate {

nlohmann::ordered_json figure_to_json(const Figure& figure);

/// Throws InputError naming the figure and the key for a figure that cannot be drawn: an unknown kind, series of unequal lengths, no data.
Figure figure_from_json(const nlohmann::ordered_json& json);

}  // namespace ablate
