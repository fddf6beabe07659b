// What a checkpoint consists of, whatever it is kept in.
#pragma once

#include "model/architectures/placement.h"
#include "model/config.h"
#include "model/safetensors.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

struct CheckpointSource {
  TransformerConfig config;
  std::string config_name;                              ///< what says so, for messages: ".../config.json"
  std::string weights_name;                             ///< what lacks a tensor that is missing
  std::vector<std::shared_ptr<const void>> files = {};  ///< what maps the tensors
  std::map<std::string, const TensorView*, std::less<>> tensors = {};
  std::function<Placement(const ParameterSpec& parameter)> place = {};
  std::string head_hint = {};                ///< what to do where the model's head is missing
  const TensorView* surplus_head = nullptr;  ///< a head beside the embedding that it is tied to
  std::vector<std::string> notes = {};
};

/// config.json, and model.safetensors whole or in shards. Throws InputError.
CheckpointSource open_huggingface_folder(const std::filesystem::path& folder);
/// A GGUF file, of an architecture in model/gguf. Throws InputError.
CheckpointSource open_gguf_checkpoint(const std::filesystem::path& file);

}  // namespace ablate
