// What kernels on cooperative matrices share. They are committed as SPIR-V, which must be made again whenever their text changes, so this stands apart from
// common/kernel.glsl, whose names and meanings it keeps. 16-bit storage is a matter of course here.
#ifndef ABLATE_COOP_GLSL
#define ABLATE_COOP_GLSL
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require
#pragma use_vulkan_memory_model

#define DTYPE_F32 0u
#define DTYPE_F16 1u
#define DTYPE_BF16 2u

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer InF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer OutF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) readonly buffer In { uint tag; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer Out { uint tag; };

#define Words uvec2
layout(buffer_reference, std430, buffer_reference_align = 4) buffer WordsF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer WordsU16 { uint16_t at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer WordsU32x4 { uvec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer AlignedF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer AlignedU16 { uint16_t at[]; };

#define is_null(p) (uvec2(p) == uvec2(0))

uint encode(float x, uint dtype) {  // to nearest even; NaN stays NaN
  if (dtype == DTYPE_F16) return packHalf2x16(vec2(x, 0.0)) & 0xffffu;
  const uint bits = floatBitsToUint(x);
  return isnan(x) ? (bits >> 16) | 0x40u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// Two elements in a word, the low half first.
vec2 decode2(uint bits, uint dtype) {
  return dtype == DTYPE_F16 ? unpackHalf2x16(bits) : vec2(uintBitsToFloat(bits << 16), uintBitsToFloat(bits & 0xffff0000u));
}
uint encode2(vec2 x, uint dtype) { return dtype == DTYPE_F16 ? packHalf2x16(x) : encode(x.x, dtype) | encode(x.y, dtype) << 16; }

// The number that `dtype` keeps of x, still as f32: drivers may convert whole matrices to bfloat16 by cutting bits off. NaN stays NaN.
float nearest(float x, uint dtype) {
  const uint bits = floatBitsToUint(x);
  return dtype != DTYPE_BF16 || isnan(x) ? x : uintBitsToFloat((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

float load_as(Words p, uint i, uint dtype) {
  if (dtype == DTYPE_F32) return WordsF32(p).at[i];
  const uint bits = uint(WordsU16(p).at[i]);
  return dtype == DTYPE_F16 ? unpackHalf2x16(bits).x : uintBitsToFloat(bits << 16);
}

void store_as(Words p, uint i, float x, uint dtype) {
  if (dtype == DTYPE_F32) WordsF32(p).at[i] = x;
  else WordsU16(p).at[i] = uint16_t(encode(x, dtype));
}

uint lane() { return gl_LocalInvocationID.x; }
#endif
