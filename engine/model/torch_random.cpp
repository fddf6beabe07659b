#include "model/torch_random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

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

double TorchRandom::uniform_double() {
  const std::uint64_t high = generator_(), low = generator_();
  return static_cast<double>((high << 32 | low) & ((1ull << 53) - 1)) * 0x1p-53;
}

double TorchRandom::normal_double() {
  if (const std::optional<double> kept = std::exchange(next_normal_, std::nullopt)) return *kept;
  const double angle = 2.0 * std::numbers::pi * uniform_double(), radius = std::sqrt(-2.0 * std::log1p(-uniform_double()));
  next_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

// PyTorch draws tensors of fewer than 16 elements one by one. Others it fills with uniforms first; the last group, where it is not whole, is drawn again
// together with what stands before it.
void TorchRandom::normal(std::span<float> out, double scale) {
  if (out.size() < group) {
    for (float& x : out) x = static_cast<float>(scale * normal_double());
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
