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
    if (gl_NumSubgroups == 1) return x;                                                                       \
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
DEFINE_REDUCTION(float, workgroup_max, uintBitsToFloat(0xff800000u), subgroupMax, max)
DEFINE_REDUCTION(uint, workgroup_sum, 0u, subgroupAdd, reduce_plus)
DEFINE_REDUCTION(uint, workgroup_max, 0u, subgroupMax, max)
DEFINE_REDUCTION(uint, workgroup_min, 0xffffffffu, subgroupMin, min)
#endif
