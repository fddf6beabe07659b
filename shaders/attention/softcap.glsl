// Scores bent back to a bound before they become weights (Gemma 2): cap * tanh(score / cap).
#ifndef ABLATE_ATTENTION_SOFTCAP_GLSL
#define ABLATE_ATTENTION_SOFTCAP_GLSL
#include "attention/common.glsl"
#include "common/math.glsl"

layout(constant_id = 13) const uint SOFTCAP = 0;  // the bits of the bound; 0: none

float capped(float score) { return SOFTCAP == 0 ? score : uintBitsToFloat(SOFTCAP) * tanh_of(score / uintBitsToFloat(SOFTCAP)); }

// Gradient of the score before the cap, from that of the capped one; a score that is hidden (LOWEST) has none.
float uncapped_gradient(float gradient, float score) {
  if (SOFTCAP == 0) return gradient;
  const float bent = score / uintBitsToFloat(SOFTCAP);
  return gradient * max(1.0 - bent * bent, 0.0);
}
#endif
