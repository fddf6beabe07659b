// glslang >= 15
#version 460
#include "attention/coopmat2_forward.glsl"
