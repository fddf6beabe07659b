#version 460
#include "quantize/scales.glsl"

vec2 scale_of(uint group, float least, float most) { return scale_by_rule(least, most, p.largest, p.clip); }
