#include "support/seeded_weights.h"

#include "model/parameters.h"
#include "model/safetensors.h"

#include <cmath>
#include <numbers>
#include <optional>
#include <random>
#include <span>
#include <utility>

namespace ablate::test {
namespace {

/// torch.randn in float64 on the CPU.
class TorchDoubles {
 public:
  explicit TorchDoubles(std::uint64_t seed) : generator_(static_cast<std::uint32_t>(seed)) {}

  std::vector<double> normal(std::size_t count) {
    std::vector<double> x(count);
    if (count < group) {
      for (double& value : x) value = one();
      return x;
    }
    for (double& value : x) value = uniform();
    for (std::size_t i = 0; i + group <= count; i += group) box_muller(std::span(x).subspan(i, group));
    if (count % group == 0) return x;
    const std::span<double> last = std::span(x).last(group);  // drawn again, with what stands before it
    for (double& value : last) value = uniform();
    box_muller(last);
    return x;
  }

 private:
  static constexpr std::size_t group = 16;

  double uniform() {
    const std::uint64_t high = generator_(), low = generator_();
    return static_cast<double>((high << 32 | low) & ((1ull << 53) - 1)) * 0x1p-53;
  }
  static void box_muller(std::span<double> x) {
    for (std::size_t i = 0; i < group / 2; ++i) {
      const double radius = std::sqrt(-2 * std::log(1 - x[i])), angle = 2 * std::numbers::pi * x[i + group / 2];
      x[i] = radius * std::cos(angle), x[i + group / 2] = radius * std::sin(angle);
    }
  }
  /// Tensors of fewer than 16 elements are drawn one by one, two at a time.
  double one() {
    if (const std::optional<double> kept = std::exchange(next_, std::nullopt)) return *kept;
    const double angle = 2 * std::numbers::pi * uniform(), radius = std::sqrt(-2 * std::log1p(-uniform()));
    next_ = radius * std::sin(angle);
    return radius * std::cos(angle);
  }

  std::mt19937 generator_;
  std::optional<double> next_;
};

}  // namespace

void write_seeded_weights(const std::filesystem::path& file, const TransformerConfig& config, std::uint64_t seed) {
  TorchDoubles random(seed);
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;
  const std::vector<ParameterSpec> specs = parameters(config);
  values.reserve(specs.size());
  for (const ParameterSpec& spec : specs) {
    auto& own = values.emplace_back(static_cast<std::size_t>(spec.elements()), static_cast<float>(spec.start));
    if (spec.kind != ParameterKind::norm_alpha) {
      const bool norm = spec.kind == ParameterKind::norm_weight;
      const std::vector<double> drawn = random.normal(own.size());
      for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<float>(norm ? 1 + 0.1 * drawn[i] : 0.08 * drawn[i]);
    }
    tensors.push_back(TensorToWrite::from(spec.name, spec.shape, own));
  }
  write_safetensors(file, tensors);
}

}  // namespace ablate::test
