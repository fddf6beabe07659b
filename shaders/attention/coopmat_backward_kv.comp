// glslang >= 15
#version 460
#include "attention/coopmat_backward_kv.glsl"
