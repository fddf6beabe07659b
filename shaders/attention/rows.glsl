// Attention with whole vectors in registers: a lane owns ROWS queries (or keys), and the others pass by one at a time. A vector that passes is loaded
// once by the subgroup, which is the workgroup, a lane a channel, and handed around; so a load serves LANES * ROWS products, and there are no barriers
// and no shared memory. Made for CPUs, where loads are dear.
#ifndef ABLATE_ATTENTION_ROWS_GLSL
#define ABLATE_ATTENTION_ROWS_GLSL
#include "attention/common.glsl"
#include "attention/softcap.glsl"
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_arithmetic : require

layout(constant_id = 5) const uint ROWS = 1;

const uint PARTS = (HEAD_DIM + LANES - 1) / LANES;  // channels a lane loads of a passing vector

// This lane's channel of part `part` of a vector; past the end any number.
float load_part(Words at, uint start, uint part, uint dtype) { return load_as(at, start + min(part * LANES + lane(), HEAD_DIM - 1), dtype); }

// BODY for every channel d of a passing vector whose parts the lanes hold: x is its value, in all lanes.
#define FOR_CHANNELS(PARTS_OF_IT, BODY)                                                                   \
  [[unroll]] for (uint part_ = 0; part_ < PARTS; ++part_) {                                               \
    [[unroll]] for (uint from_ = 0; from_ < LANES; ++from_) {                                             \
      const uint d = part_ * LANES + from_;                                                               \
      const float x = subgroupBroadcast(PARTS_OF_IT[part_], from_);                                       \
      if (d < HEAD_DIM) {                                                                                 \
        [[unroll]] for (uint r = 0; r < ROWS; ++r) BODY;                                                  \
      }                                                                                                   \
    }                                                                                                     \
  }

// VECTORS[r * HEAD_DIM + d] = scale * channel d of this lane's vector r, which starts at element START of r and the lane.
#define LOAD_VECTORS(VECTORS, AT, START, SCALE)                                                           \
  for (uint owner = 0; owner < LANES; ++owner)                                                            \
    [[unroll]] for (uint r = 0; r < ROWS; ++r)                                                            \
      [[unroll]] for (uint part = 0; part < PARTS; ++part) {                                              \
        const float mine = SCALE * load_part(AT, START(r, owner), part, DTYPE);                           \
        [[unroll]] for (uint from = 0; from < LANES; ++from) {                                            \
          const float x = subgroupBroadcast(mine, from);                                                  \
          if (part * LANES + from < HEAD_DIM && lane() == owner) VECTORS[r * HEAD_DIM + part * LANES + from] = x;                           \
        }                                                                                                 \
      }

// The reverse, for vectors EXISTS(r, lane) only, with FACTOR(r) of the owning lane.
#define STORE_VECTORS(VECTORS, AT, START, EXISTS, FACTOR)                                                 \
  for (uint owner = 0; owner < LANES; ++owner)                                                            \
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {                                                          \
      const float factor = subgroupBroadcast(FACTOR(r), owner);                                           \
      [[unroll]] for (uint part = 0; part < PARTS; ++part) {                                              \
        float mine = 0.0;                                                                                 \
        [[unroll]] for (uint to = 0; to < LANES; ++to) {                                                  \
          const uint d = min(part * LANES + to, HEAD_DIM - 1);                                            \
          const float x = subgroupBroadcast(VECTORS[r * HEAD_DIM + d], owner);                            \
          if (lane() == to) mine = x;                                                                     \
        }                                                                                                 \
        if (EXISTS(r, owner) && part * LANES + lane() < HEAD_DIM) store_as(AT, START(r, owner) + part * LANES + lane(), factor * mine, DTYPE); \
      }                                                                                                   \
    }
#endif
