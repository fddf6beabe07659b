// Compute pipelines, made once per (shader, specialization) and kept.
#pragma once

#include "vulkan/device.h"
#include "vulkan/shader.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ablate {

/// Values of specialization constants by name; `LANES` (the workgroup's x size) defaults to Device::lanes().
using Specialization = std::vector<std::pair<std::string, std::uint32_t>>;

struct Pipeline {
  Owned<VkPipeline> handle;
  Owned<VkPipelineLayout> layout;
  const ShaderModule* shader = nullptr;
};

/// What get() is asked for.
struct PipelineKey {
  std::string shader;
  Specialization constants;
  std::uint32_t subgroup = 0;

  bool operator<(const PipelineKey& other) const {
    return std::tie(shader, constants, subgroup) < std::tie(other.shader, other.constants, other.subgroup);
  }
};

class Pipelines {
 public:
  explicit Pipelines(const Device& device) : device_(device), library_(device.caps()) {}
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;

  /// Throws InputError naming the shader and the constant when the shader has no constant of that name; RunError when the driver refuses
  /// it. `subgroup` != 0 asks for that subgroup size with full subgroups.
  const Pipeline& get(const std::string& shader, const Specialization& constants = {}, std::uint32_t subgroup = 0);

  /// Makes those of `wanted` that get() does not know yet, on every core of the host where the driver is a GPU's. Throws as get() does.
  void prepare(const std::vector<PipelineKey>& wanted);

  /// What the driver says of a pipeline ("Spilled VGPRs", 0): name and value, in its order. Of all its executables; empty unless
  /// Device::statistics().
  std::vector<std::pair<std::string, double>> statistics(const Pipeline& pipeline) const;

  ShaderLibrary& library() { return library_; }
  const Device& device() const { return device_; }

 private:
  void add_statistics(const Pipeline& pipeline, std::uint32_t executable, std::vector<std::pair<std::string, double>>& all) const;
  Pipeline create(const ShaderModule& module, const Specialization& constants, std::uint32_t subgroup) const;

  const Device& device_;
  ShaderLibrary library_;
  std::map<PipelineKey, Pipeline> pipelines_;
};

}  // namespace ablate
