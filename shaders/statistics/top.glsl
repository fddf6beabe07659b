// The K largest of what a workgroup's lanes have seen, with where: a sorted list in every lane's registers, merged at the end.
#ifndef ABLATE_TOP_GLSL
#define ABLATE_TOP_GLSL
#include "common/reduce.glsl"

layout(constant_id = 2) const uint K = 1;  // 1 to 8

const uint TOP_NOTHING = 0;
uint top_key[8], top_place[8];

// Keys order as |x| does, NaN above infinity; 0 is kept for "nothing".
uint key_of(float x) { return (floatBitsToUint(x) & 0x7fffffffu) + 1; }
uvec4 keys_of(vec4 x) { return (floatBitsToUint(x) & 0x7fffffffu) + 1; }
float magnitude_of(uint key) { return key == TOP_NOTHING ? 0.0 : uintBitsToFloat(key - 1); }

void top_clear() {
  [[unroll]] for (uint j = 0; j < K; ++j) top_key[j] = TOP_NOTHING, top_place[j] = 0xffffffffu;
}

// A lane must offer its places in rising order: of equal keys the first stays ahead.
void top_offer(uint key, uint place) {
  if (key <= top_key[K - 1]) return;
  top_key[K - 1] = key;
  top_place[K - 1] = place;
  [[unroll]] for (uint j = K - 1; j > 0; --j) {
    if (top_key[j] <= top_key[j - 1]) continue;
    const uint lower_key = top_key[j - 1], lower_place = top_place[j - 1];
    top_key[j - 1] = top_key[j];
    top_place[j - 1] = top_place[j];
    top_key[j] = lower_key;
    top_place[j] = lower_place;
  }
}

// Takes the workgroup's largest key, of equal ones that of the lowest place: (key, place). Called up to K times by every lane.
uvec2 top_take() {
  const uint key = workgroup_max(top_key[0]);
  const uint place = workgroup_min(top_key[0] == key ? top_place[0] : 0xffffffffu);
  if (top_place[0] == place) {
    [[unroll]] for (uint j = 0; j + 1 < K; ++j) top_key[j] = top_key[j + 1], top_place[j] = top_place[j + 1];
    top_key[K - 1] = TOP_NOTHING;
    top_place[K - 1] = 0xffffffffu;
  }
  return uvec2(key, place);
}
#endif
