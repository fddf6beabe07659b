#version 460
#include "common/elementwise.glsl"
#include "quantize/integers.glsl"
#include "quantize/codes.glsl"
