// Values and metrics as nlohmann's JSON. Heavy: for .cpp files.
#pragma once

#include "base/metrics.h"
#include "base/value.h"

#include <nlohmann/json.hpp>

namespace ablate {

using Json = nlohmann::ordered_json;

/// NaN and infinities become null; a number without a fraction is written as an integer where that loses nothing.
Json number_to_json(double number);
Json value_to_json(const Value& value);
Json metrics_to_json(const Metrics& metrics);
/// Null becomes NaN; what no Metric can hold is left out.
Metrics metrics_from_json(const Json& json);

}  // namespace ablate
