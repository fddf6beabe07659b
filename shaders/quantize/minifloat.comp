#version 460
#include "common/elementwise.glsl"
#include "quantize/minifloat_codes.glsl"
#include "quantize/codes.glsl"
