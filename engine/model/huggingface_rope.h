// The rotary settings of a config.json, in whichever of their spellings.
#pragma once

#include "base/settings.h"
#include "model/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Reads rope_theta, rope_scaling (Transformers 4) and rope_parameters (5) into `config`. Versions of Transformers differ in which of them
/// they believe, so those that are given must agree. What is taken without being said goes into `notes`, which begin with `file`. Throws InputError.
void read_huggingface_rope(Settings& json, std::string_view file, TransformerConfig& config, std::vector<std::string>& notes);

}  // namespace ablate
