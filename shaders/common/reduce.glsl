// Reductions over the workgroup: every lane must call them, every lane gets the result. The order of the operations is fixed, so results repeat.
#ifndef ABLATE_REDUCE_GLSL
#define ABLATE_REDUCE_GLSL
#include "common/kernel.glsl"

#ifdef SUBGROUP_ARITHMETIC
shared float reduce_partial[128];

// One value per subgroup meets in shared memory; a workgroup of one subgroup needs no barrier.
#define DEFINE_REDUCTION(NAME, IDENTITY, SUBGROUP, COMBINE)                       \
  float NAME(float x) {                                                           \
    x = SUBGROUP(x);                                                              \
    if (gl_NumSubgroups == 1) return x;                                           \
    barrier();                                                                    \
    if (subgroupElect()) reduce_partial[gl_SubgroupID] = x;                       \
    barrier();                                                                    \
    float total = IDENTITY;                                                       \
    for (uint i = 0; i < gl_NumSubgroups; ++i) total = COMBINE(total, reduce_partial[i]); \
    return total;                                                                 \
  }
#else
shared float reduce_partial[1024];

#define DEFINE_REDUCTION(NAME, IDENTITY, SUBGROUP, COMBINE)                       \
  float NAME(float x) {                                                           \
    barrier();                                                                    \
    reduce_partial[lane()] = x;                                                   \
    barrier();                                                                    \
    for (uint width = LANES; width > 1;) {                                        \
      const uint kept = (width + 1) / 2;                                          \
      if (lane() + kept < width) reduce_partial[lane()] = COMBINE(reduce_partial[lane()], reduce_partial[lane() + kept]); \
      barrier();                                                                  \
      width = kept;                                                               \
    }                                                                             \
    return reduce_partial[0];                                                     \
  }
#endif

float reduce_plus(float a, float b) { return a + b; }
DEFINE_REDUCTION(workgroup_sum, 0.0, subgroupAdd, reduce_plus)
DEFINE_REDUCTION(workgroup_max, uintBitsToFloat(0xff800000u), subgroupMax, max)
#endif
