// What every kernel shares: pointers, element types, the workgroup's lanes, and reductions for any subgroup size.
//
// A kernel takes pointers and sizes in its push constants. The type of a pointer says how its memory is used, and the engine orders dispatches by it:
//   In, Out, InOut           elements of the tensor's own type (f32, f16 or bf16), through load() and store()
//   InF32, OutF32, InOutF32  f32 elements, through .at[]
//   InU32, OutU32, InOutU32  32-bit integers, through .at[]
// The element type of In/Out/InOut is the specialization constant DTYPE (f32 0, f16 1, bf16 2); arithmetic is always f32.
#ifndef ABLATE_KERNEL_GLSL
#define ABLATE_KERNEL_GLSL
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require
#ifdef STORAGE16
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_16bit_storage : require
#endif
#extension GL_KHR_shader_subgroup_basic : require
#ifdef SUBGROUP_ARITHMETIC
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif

#define DTYPE_F32 0u
#define DTYPE_F16 1u
#define DTYPE_BF16 2u

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
layout(constant_id = 1) const uint DTYPE = DTYPE_F32;
layout(constant_id = 99) const uint SINGLE_SUBGROUP = 0;  // set where a workgroup is sure to be one subgroup, so that the compiler drops its barriers

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer InF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer OutF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer InOutF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer InU32 { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer OutU32 { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer InOutU32 { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) readonly buffer In { uint tag; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer Out { uint tag; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer InOut { uint tag; };

#define Words uvec2  // an address of no type: SwiftShader knows no cast from pointer to pointer, only by way of two words
layout(buffer_reference, std430, buffer_reference_align = 4) buffer WordsF32 { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer WordsF32x4 { vec4 at[]; };
#ifdef STORAGE16
layout(buffer_reference, std430, buffer_reference_align = 2) buffer WordsU16 { uint16_t at[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) buffer WordsU16x4 { uvec2 at[]; };  // two elements a word: one load, few conversions
#endif

// By its bits: a driver may take for granted that there is no NaN, and then isnan() is false.
bool is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }

float from_f16(uint bits) { return unpackHalf2x16(bits).x; }
float from_bf16(uint bits) { return uintBitsToFloat(bits << 16); }
uint to_f16(float x) { return packHalf2x16(vec2(x, 0.0)) & 0xffffu; }
uint to_bf16(float x) {  // to nearest even; NaN stays NaN
  const uint bits = floatBitsToUint(x);
  return is_nan(x) ? (bits >> 16) | 0x40u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
float decode(uint bits, uint dtype) { return dtype == DTYPE_F16 ? from_f16(bits) : from_bf16(bits); }
uint encode(float x, uint dtype) { return dtype == DTYPE_F16 ? to_f16(x) : to_bf16(x); }
vec2 decode2(uint bits, uint dtype) {  // the low half first
  return dtype == DTYPE_F16 ? unpackHalf2x16(bits) : vec2(uintBitsToFloat(bits << 16), uintBitsToFloat(bits & 0xffff0000u));
}
uint encode2(vec2 x, uint dtype) { return dtype == DTYPE_F16 ? packHalf2x16(x) : to_bf16(x.x) | to_bf16(x.y) << 16; }

float load_as(Words p, uint i, uint dtype) {
#ifdef STORAGE16
  if (dtype != DTYPE_F32) return decode(uint(WordsU16(p).at[i]), dtype);
#endif
  return WordsF32(p).at[i];
}

vec4 load4_as(Words p, uint i, uint dtype) {
#ifdef STORAGE16
  if (dtype != DTYPE_F32) {
    const uvec2 bits = WordsU16x4(p).at[i];
    return vec4(decode2(bits.x, dtype), decode2(bits.y, dtype));
  }
#endif
  return WordsF32x4(p).at[i];
}

void store_as(Words p, uint i, float x, uint dtype) {
#ifdef STORAGE16
  if (dtype != DTYPE_F32) {
    WordsU16(p).at[i] = uint16_t(encode(x, dtype));
    return;
  }
#endif
  WordsF32(p).at[i] = x;
}

void store4_as(Words p, uint i, vec4 x, uint dtype) {
#ifdef STORAGE16
  if (dtype != DTYPE_F32) {
    WordsU16x4(p).at[i] = uvec2(encode2(x.xy, dtype), encode2(x.zw, dtype));
    return;
  }
#endif
  WordsF32x4(p).at[i] = x;
}

// Element i of an In, Out or InOut pointer, or its i-th group of four (whose address must be a multiple of four elements).
// Macros, because GLSL does not tell functions apart by the type a pointer points to.
#define load(p, i) load_as(Words(p), i, DTYPE)
#define load4(p, i) load4_as(Words(p), i, DTYPE)
#define store(p, i, x) store_as(Words(p), i, x, DTYPE)
#define store4(p, i, x) store4_as(Words(p), i, x, DTYPE)
#define is_null(p) (uvec2(p) == uvec2(0))

float sq(float x) { return x * x; }

// This invocation among the workgroup's, and the workgroup among the dispatch's: kernels loop with these strides, so any launch size is right.
uint lane() { return gl_LocalInvocationID.x; }
uint lanes() { return LANES; }
bool one_subgroup() { return SINGLE_SUBGROUP != 0 || gl_NumSubgroups == 1; }
uint first_row() { return gl_WorkGroupID.x; }
uint row_stride() { return gl_NumWorkGroups.x; }
uint first_item() { return gl_WorkGroupID.x * LANES + gl_LocalInvocationID.x; }
uint item_stride() { return gl_NumWorkGroups.x * LANES; }
#endif
