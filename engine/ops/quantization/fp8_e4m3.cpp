// E4M3 with an f32 scale that brings the range's largest magnitude to 448 (Micikevicius et al. 2022, arXiv 2209.05433).
#include "ops/quantization/minifloat.h"

namespace ablate {

static const NumberFormats::Registration registration("fp8-e4m3", [](const Quantization&) {
  NumberFormat format = format_of(e4m3);
  format.scale_constants = {rule(ScaleRule::largest)};
  return format;
});

}  // namespace ablate
