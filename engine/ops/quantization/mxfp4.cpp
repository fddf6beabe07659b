// Blocks of 32 E2M1 that share a power of two (OCP Microscaling Formats 1.0).
#include "ops/quantization/minifloat.h"

namespace ablate {

static const NumberFormats::Registration registration("mxfp4", [](const Quantization&) {
  NumberFormat format = format_of(e2m1);
  format.scale_constants = {rule(ScaleRule::power), {"EMAX", 2}};  // 6 = 1.5 * 2^2
  format.block = 32;
  return format;
});

}  // namespace ablate
