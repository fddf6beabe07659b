// Reductions over the workgroup: every lane must call them, every lane gets the result. The order of the operations is fixed, so results repeat.
#ifndef ABLATE_REDUCE_GLSL
#define ABLATE_REDUCE_GLSL
#include "common/kernel.glsl"

#ifdef SUBGROUP_ARITHMETIC
shared float reduce_partial_float[128];
shared uint reduce_partial_uint[128];

// One value per subgroup meets in shared memory; a workgroup of one subgroup needs no barrier.
#define DEFINE_REDUCTION(TYPE, NAME, IDENTITY, SUBGROUP, COMBINE)                                             \
  TYPE NAME(TYPE x) {                                                                                         \
    x = SUBGROUP(x);                                                                                          \
    if (one_subgroup()) return x;                                                                       \
    barrier();                                                                                                \
    if (subgroupElect()) reduce_partial_##TYPE[gl_SubgroupID] = x;                                            \
    barrier();                                                                                                \
    TYPE total = IDENTITY;                                                                                    \
    for (uint i = 0; i < gl_NumSubgroups; ++i) total = COMBINE(total, reduce_partial_##TYPE[i]);              \
    return total;                                                                                             \
  }
#else
shared float reduce_partial_float[1024];
shared uint reduce_partial_uint[1024];

#define DEFINE_REDUCTION(TYPE, NAME, IDENTITY, SUBGROUP, COMBINE)                                             \
  TYPE NAME(TYPE x) {                                                                                         \
    barrier();                                                                                                \
    reduce_partial_##TYPE[lane()] = x;                                                                        \
    barrier();                                                                                                \
    for (uint width = LANES; width > 1;) {                                                                    \
      const uint kept = (width + 1) / 2;                                                                      \
      if (lane() + kept < width)                                                                              \
        reduce_partial_##TYPE[lane()] = COMBINE(reduce_partial_##TYPE[lane()], reduce_partial_##TYPE[lane() + kept]); \
      barrier();                                                                                              \
      width = kept;                                                                                           \
    }                                                                                                         \
    return reduce_partial_##TYPE[0];                                                                          \
  }
#endif

float reduce_plus(float a, float b) { return a + b; }
uint reduce_plus(uint a, uint b) { return a + b; }
DEFINE_REDUCTION(float, workgroup_sum, 0.0, subgroupAdd, reduce_plus)
DEFINE_REDUCTION(uint, workgroup_sum, 0u, subgroupAdd, reduce_plus)
DEFINE_REDUCTION(uint, workgroup_max, 0u, subgroupMax, max)
DEFINE_REDUCTION(uint, workgroup_min, 0xffffffffu, subgroupMin, min)

// Whole numbers in the order of the floats, any NaN above infinity: of a NaN and a number max() gives either.
uint order_of(float x) {
  const uint bits = floatBitsToUint(x);
  return is_nan(x) ? 0xffffffffu : bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}
float number_at(uint order) { return order == 0xffffffffu ? uintBitsToFloat(0x7fc00000u) : uintBitsToFloat(order ^ ((order >> 31) != 0 ? 0x80000000u : 0xffffffffu)); }
float workgroup_max(float x) { return number_at(workgroup_max(order_of(x))); }

// A barrier, where the workgroup has more than one subgroup to meet.
void workgroup_meet() {
#ifdef SUBGROUP_ARITHMETIC
  if (one_subgroup()) {
    subgroupBarrier();
    return;
  }
#endif
  barrier();
}

// The sum of x over the lanes before this one; `total`: over all of them.
uint workgroup_before(uint x, out uint total) {
#ifdef SUBGROUP_ARITHMETIC
  uint before = subgroupExclusiveAdd(x);
  total = subgroupAdd(x);
  if (one_subgroup()) return before;
  barrier();
  if (subgroupElect()) reduce_partial_uint[gl_SubgroupID] = total;
  barrier();
  total = 0;
  for (uint i = 0; i < gl_NumSubgroups; ++i) {
    if (i == gl_SubgroupID) before += total;
    total += reduce_partial_uint[i];
  }
#else
  barrier();
  reduce_partial_uint[lane()] = x;
  barrier();
  uint before = 0;
  total = 0;
  for (uint i = 0; i < LANES; ++i) {
    if (i == lane()) before = total;
    total += reduce_partial_uint[i];
  }
#endif
  return before;
}
#endif
