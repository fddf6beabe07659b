// One class of Hugging Face Transformers: what its config.json means, and how its files name and store our parameters. Each registers itself in its own
// file; no other file names one.
#pragma once

#include "base/registry.h"
#include "model/architectures/config_file.h"
#include "model/architectures/placement.h"
#include "model/config.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace ablate {

struct Architecture {
  std::string model_type;
  /// Of several classes that can say what a model is, the one of the lowest rank is written.
  int rank = 100;
  /// Reads the keys of the class. What it does not ask for is refused where it may change the arithmetic (ConfigFile::settle).
  std::function<void(ConfigFile& file, TransformerConfig& config)> read;
  /// Whether the class can say what `config` is.
  std::function<bool(const TransformerConfig& config)> fits;
  /// The keys of a config.json that reads back as `config`, but architectures, model_type and torch_dtype.
  std::function<nlohmann::ordered_json(const TransformerConfig& config)> write;
  /// Where a parameter is; the place of the same name if empty.
  std::function<Placement(const TransformerConfig& config, const ParameterSpec& parameter)> place{};
  /// What all names but the head's begin with; files of a base model lack it.
  std::string prefix = "model.";
  /// Whether files have a tensor of this name that the model does not need (masks, frequencies); empty: none.
  std::function<bool(std::string_view name)> surplus{};
  /// The key of a file for a key of `[model]`, for messages; "" for the usual one.
  std::function<std::string_view(std::string_view key)> key_name{};

  Placement placement(const TransformerConfig& config, const ParameterSpec& parameter) const {
    return place ? place(config, parameter) : Placement{.name = parameter.name};
  }
};
using Architectures = Registry<Architecture>;  ///< by the name of the class

/// The class `config` came from where it still can say what `config` is, or else the one of lowest rank that can; null when none can.
const Architecture* find_architecture(const TransformerConfig& config);

/// "model.layers.3.mlp.up_proj.weight" is "up_proj.weight" of layer 3's "mlp."; layer -1: of no layer, and `rest` is the whole name.
struct LayerName {
  int layer = -1;
  std::string rest;
  explicit LayerName(const std::string& parameter);
};

}  // namespace ablate
