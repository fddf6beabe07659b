// The random numbers of PyTorch's CPU generator, so that a run can start from the very weights that a published run with torch.manual_seed() started from.
#pragma once

#include "model/initialization.h"

#include <optional>
#include <random>

namespace ablate {

class TorchRandom {
 public:
  /// As torch.manual_seed(seed): of the seed only the lower 32 bits count.
  explicit TorchRandom(std::uint64_t seed) : generator_(static_cast<std::uint32_t>(seed)) {}

  /// A whole tensor, as Tensor.normal_(0, scale) or Tensor.uniform_(-scale, scale) would fill it; constants draw nothing.
  void fill(std::span<float> out, const Initializer& initializer);

 private:
  float uniform() { return static_cast<float>(generator_() & 0xffffffu) * 0x1p-24f; }
  double uniform_double();
  double normal_double();
  void normal(std::span<float> out, double scale);

  std::mt19937 generator_;
  std::optional<double> next_normal_;  ///< of a pair of which one is used
};

}  // namespace ablate
