// Blocks of 16 E2M1 that share an E4M3, whose own scale is one f32 per tensor (NVIDIA, Pretraining Large Language Models with NVFP4, 2025, arXiv 2509.25149, appendix B).
#include "ops/quantization/minifloat.h"

namespace ablate {

static const NumberFormats::Registration registration("nvfp4", [](const Quantization&) {
  NumberFormat format = format_of(e2m1);
  format.scales = "quantize/scale_by_e4m3";
  format.block = 16;
  format.with_whole = true;
  return format;
});

}  // namespace ablate
