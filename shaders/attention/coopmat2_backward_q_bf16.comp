// glslang >= 15
// The same with bfloat16 in place of every float16_t: the build renames the type, since glslang 15 has no word for it.
#version 460
#include "attention/coopmat2_backward_q.glsl"
