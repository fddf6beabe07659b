// glslang >= 15
#version 460
#include "attention/coopmat2_backward_q.glsl"
