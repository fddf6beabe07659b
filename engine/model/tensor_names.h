// The names that tensors have in other people's files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Whether a base model was saved on its own: its names lack the "model." of "model.layers.0...". Transformers reads such files too.
/// `embedding` is the embedding's name with the `prefix`.
bool lacks_model_prefix(const std::vector<std::string>& names, std::string_view prefix, std::string_view embedding);

/// Which scheme of quantization these tensors belong to, with the name of one: "GPTQ or AWQ: model.layers.0.mlp.up_proj.qweight"; "" if
/// none does.
std::string quantization_of(const std::vector<std::string>& names);

/// For a file whose embedding is not where it belongs: what its names are instead, and what to do.
std::string describe_names(const std::vector<std::string>& names);

}  // namespace ablate
