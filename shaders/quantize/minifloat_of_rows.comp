#version 460
#include "common/team.glsl"
#include "quantize/minifloat_codes.glsl"
#include "quantize/rows.glsl"
