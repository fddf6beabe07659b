// int2 .. int16: whole numbers, symmetric or with an offset.
#include "ops/quantization/format.h"
#include "ops/quantization/granularity.h"

namespace ablate {
namespace {

NumberFormat integers(std::uint32_t bits, const Quantization& q) {
  const std::int32_t codes = std::int32_t{1} << bits, half = codes / 2;
  const bool symmetric = q.codes == CodeRange::symmetric, minimum = q.codes == CodeRange::minimum;
  const std::int32_t lowest = symmetric ? -half : 0, highest = symmetric ? half - 1 : codes - 1;
  const bool plain = Granularities::find("granularity", q.granularity).plain_zero_point;
  NumberFormat format;
  format.scale_constants = {rule(ScaleRule::largest)};
  if (!symmetric) format.scale_constants = {rule(ScaleRule::range), {"ZERO_POINT", minimum ? 0u : 1u}, {"AS_IT_IS", plain ? 1u : 0u}};
  format.codes = "quantize/integers";
  format.code_constants = {
      {"LOWEST", static_cast<std::uint32_t>(lowest)}, {"HIGHEST", static_cast<std::uint32_t>(highest)}, {"MINIMUM", minimum ? 1u : 0u}};
  format.largest = static_cast<float>(highest);
  return format;
}

struct Integers {
  Integers() {
    for (std::uint32_t bits = 2; bits <= 16; ++bits)
      NumberFormats::Registration("int" + std::to_string(bits), [bits](const Quantization& q) { return integers(bits, q); });
  }
};
const Integers registration;

}  // namespace
}  // namespace ablate
