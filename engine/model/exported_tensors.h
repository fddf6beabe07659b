// A model's parameters as the tensors of the class that its config.json names.
#pragma once

#include "model/config.h"
#include "model/safetensors.h"

#include <span>
#include <vector>

namespace ablate {

/// `tensors`: every parameter of `config` under its own name. The same bytes by the names and in the layout of the class.
std::vector<TensorToWrite> exported_tensors(const TransformerConfig& config, std::span<const TensorToWrite> tensors);

}  // namespace ablate
