// Weights as they are stored: numbers of f32, f16 or bf16, or blocks of a storage format. A kernel that includes this is compiled once as it stands, and once
// for every file of shaders/formats, which then stands for "formats/stored.glsl": "matmul/tiled" and "matmul/tiled.q4_0". Such a file says
//   BLOCK_VALUES, BLOCK_BYTES    the size of a block; values are a power of two
//   SCALE_VALUES                 how many of them, from a multiple of it on, share a scale: 16 or 32
//   vec2 scale4(Words p, uint block, uint group), vec4 numbers4(the same)
//                                values 4 * group to 4 * group + 3 of the block that begins `block` bytes behind p are scale.x * numbers + scale.y
#ifndef ABLATE_BLOCKS_GLSL
#define ABLATE_BLOCKS_GLSL
#include "common/kernel.glsl"

// Unsigned numbers `at` bytes behind p. A half lies at a multiple of two bytes, a word at one of what blocks and their parts are made of.
uint half_at(Words p, uint at) {
#ifdef STORAGE16
  return uint(WordsU16(p).at[at / 2]);
#else
  return InU32(p).at[at / 4] >> 8 * (at & 2u) & 0xffffu;
#endif
}
uint byte_at(Words p, uint at) {
#ifdef STORAGE16
  return uint(WordsU16(p).at[at / 2]) >> 8 * (at & 1u) & 0xffu;
#else
  return InU32(p).at[at / 4] >> 8 * (at & 3u) & 0xffu;
#endif
}
uint aligned_word_at(Words p, uint at) { return InU32(p).at[at / 4]; }
uint halves_at(Words p, uint at) {  // at a multiple of two bytes
#ifdef STORAGE16
  return half_at(p, at) | half_at(p, at + 2) << 16;
#else
  const uint shift = 8 * (at & 2u);
  return InU32(p).at[at / 4] >> shift | InU32(p).at[(at + 2) / 4] << 16 - shift << 16;
#endif
}
uint unaligned_word_at(Words p, uint at) {
  const uint shift = 8 * (at & 3u);
  return InU32(p).at[at / 4] >> shift | InU32(p).at[(at + 3) / 4] << 31 - shift << 1;
}

// An f16; a driver may take those below the smallest normal number for zero.
float scale_of(uint bits) {
  const float small = float(bits & 0x3ffu) * 5.9604644775390625e-8;
  return (bits & 0x7c00u) != 0 ? unpackHalf2x16(bits).x : (bits & 0x8000u) != 0 ? -small : small;
}
float scale_at(Words p, uint at) { return scale_of(half_at(p, at)); }
vec2 scales_of(uint word) { return vec2(scale_of(word & 0xffffu), scale_of(word >> 16)); }

// Of each byte of a word the bits from `shift` on; the four bits from `first` on; the bytes as signed numbers.
uvec4 fields(uint word, uint shift, uint mask) { return uvec4(word) >> uvec4(0, 8, 16, 24) + shift & mask; }
uvec4 bits4(uint word, uint first) { return uvec4(word) >> first + uvec4(0, 1, 2, 3) & 1u; }
ivec4 signed_bytes(uint word) { return ivec4(word) << ivec4(24, 16, 8, 0) >> 24; }

#include "formats/stored.glsl"

#ifdef BLOCK_VALUES
uint block_of(uint i) { return i / (BLOCK_VALUES / 4) * BLOCK_BYTES; }
uint group_of(uint i) { return i % (BLOCK_VALUES / 4); }
#endif

// Elements 4 * i to 4 * i + 3 of a matrix whose rows are whole blocks, or, as numbers, start at multiples of four.
vec4 weights4(Words p, uint i, uint type) {
#ifdef BLOCK_VALUES
  const vec2 scale = scale4(p, block_of(i), group_of(i));
  return fma(vec4(scale.x), numbers4(p, block_of(i), group_of(i)), vec4(scale.y));
#else
  return load4_as(p, i, type);
#endif
}
#endif
