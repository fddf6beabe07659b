// The rotary settings of a config.json, in whichever of their spellings.
#pragma once

#include "model/architectures/config_file.h"
#include "model/config.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// What differs between classes.
struct RopeKeys {
  double default_theta = 10000.0;
  double default_share = 1.0;
  std::string_view theta_key = "rope_theta", share_key = "partial_rotary_factor";  ///< what old files call them, beside the usual names
  bool partial = false;                                                            ///< partial_rotary_factor is read, not refused
  bool always_longrope = false;             ///< every kind of scaling is longrope, however old files spell it
  std::vector<std::string_view> surplus{};  ///< keys of rope_parameters that mean nothing for text
  std::vector<bool> sliding_layers{};       ///< of classes whose rope_parameters may differ by type of layer
};

/// Reads rope_theta, rope_scaling (Transformers 4) and rope_parameters (5) into `config`, whose sizes are known. Versions of Transformers differ in which
/// of them they believe, so those that are given must agree. What is taken without being said becomes a note. Throws InputError.
void read_rope(ConfigFile& file, TransformerConfig& config, const RopeKeys& keys = {});

/// The spelling that every version of Transformers reads (5 turns it into rope_parameters); null without scaling.
nlohmann::ordered_json rope_scaling_json(const RopeScaling& scaling);
/// rope_parameters with a table for each type of layer (Transformers 5).
nlohmann::ordered_json rope_parameters_by_type(const TransformerConfig& config);

}  // namespace ablate
