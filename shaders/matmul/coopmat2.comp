// glslang >= 15
#version 460
#include "matmul/coopmat2.glsl"
