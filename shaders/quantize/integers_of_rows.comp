#version 460
#include "common/team.glsl"
#include "quantize/integers.glsl"
#include "quantize/rows.glsl"
