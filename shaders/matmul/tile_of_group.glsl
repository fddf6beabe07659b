#ifndef ABLATE_TILE_OF_GROUP_GLSL
#define ABLATE_TILE_OF_GROUP_GLSL
#include "common/coop.glsl"

// Which tile a workgroup takes: those at work together make a square, roughly, and share what they read.
uvec2 tile_of_group() {
  const uint height = 16, id = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  const uint band = id / (height * gl_NumWorkGroups.y), in_band = id % (height * gl_NumWorkGroups.y), rows = min(height, gl_NumWorkGroups.x - band * height);
  return uvec2(band * height + in_band % rows, in_band / rows);
}
#endif
