#include "model/torch_random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ablate {
namespace {

constexpr std::size_t group = 16;  // Box-Muller's pairs are i and i + 8 of a group

// Uniforms of a group to normals, in place.
void box_muller(std::span<float> x, double scale) {
  for (std::size_t i = 0; i < group / 2; ++i) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(x[i])));
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(x[i + group / 2]);
    x[i] = static_cast<float>(scale * radius * std::cos(angle));
    x[i + group / 2] = static_cast<float>(scale * radius * std::sin(angle));
  }
}

}  // namespace

void TorchRandom::fill(std::span<float> out, const Initializer& initializer) {
  switch (initializer.law) {
    case Initializer::Law::constant: std::fill(out.begin(), out.end(), static_cast<float>(initializer.scale)); return;
    case Initializer::Law::normal: normal(out, initializer.scale); return;
    case Initializer::Law::uniform: {
      const auto scale = static_cast<float>(initializer.scale);
      for (float& x : out) x = uniform() * (scale - -scale) - scale;
    }
  }
}

// PyTorch fills all with uniforms first; the last group, where it is not whole, is drawn again together with what stands before it. A tensor of fewer than
// 16 elements takes another path in PyTorch (pairs of a double generator); no weight is that small.
void TorchRandom::normal(std::span<float> out, double scale) {
  if (out.size() < group) {
    std::normal_distribution<double> law(0.0, scale);
    for (float& x : out) x = static_cast<float>(law(generator_));
    return;
  }
  for (float& x : out) x = uniform();
  for (std::size_t i = 0; i + group <= out.size(); i += group) box_muller(out.subspan(i, group), scale);
  if (out.size() % group == 0) return;
  const std::span<float> last = out.last(group);
  for (float& x : last) x = uniform();
  box_muller(last, scale);
}

}  // namespace ablate
