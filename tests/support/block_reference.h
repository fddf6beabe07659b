// Storage formats of blocks decoded once more, value by value in float64, from the layouts that ggml publishes (ggml-common.h and the Microscaling
// specification) and not from the engine's code: for every format a file of engine/formats, blocks to try, and what they hold.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace ablate::test {

using Block = std::vector<std::uint8_t>;

inline double f16_at(const Block& b, std::size_t at) {
  const int bits = b[at] + 256 * b[at + 1], exponent = bits / 1024 % 32, fraction = bits % 1024;
  const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return bits >= 32768 ? -size : size;
}

/// Bits [first, first + count) of the bytes from `at` on, counted from the lowest of the first.
inline int bits_at(const Block& b, std::size_t at, std::size_t first, std::size_t count) {
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) value += (b[at + (first + i) / 8] >> (first + i) % 8 & 1) << i;
  return value;
}

/// Number v of 32 in 16 bytes whose low halves come first.
inline int nibble(const Block& b, std::size_t at, std::size_t v) { return bits_at(b, at, 8 * (v % 16) + 4 * (v / 16), 4); }

struct BlockReference {
  std::string name, file_name;
  std::uint32_t number, values, bytes;
  std::vector<std::size_t> scales;  ///< where an f16 is
  double usual;                     ///< such a scale that makes values of size 0.05
  std::function<double(const Block&, std::size_t)> value;
};

namespace reference {

inline double q2(const Block& b, std::size_t v) {
  const std::size_t half = v / 128, plane = v % 128 / 32, lane = v % 32;
  const int q = bits_at(b, 16, 8 * (32 * half + lane) + 2 * plane, 2);
  return f16_at(b, 80) * bits_at(b, v / 16, 0, 4) * q - f16_at(b, 82) * bits_at(b, v / 16, 4, 4);
}
inline double q3(const Block& b, std::size_t v) {
  const std::size_t half = v / 128, plane = v % 128 / 32, lane = v % 32, s = v / 16;
  const int q = bits_at(b, 32, 8 * (32 * half + lane) + 2 * plane, 2) + 4 * bits_at(b, lane, 4 * half + plane, 1) - 4;
  const int scale = bits_at(b, 96 + s % 8, s < 8 ? 0 : 4, 4) + 16 * bits_at(b, 104 + s % 4, 2 * (s / 4), 2) - 32;
  return f16_at(b, 108) * scale * q;
}
/// The eight scales and mins of q4_K and q5_K: four of each in the low six bits of bytes 0 to 7; of the others four bits in bytes 8 to 11, and two above the first.
inline int k_scale(const Block& b, std::size_t k) {
  return k < 4 ? bits_at(b, 4 + k, 0, 6) : bits_at(b, 8 + k, 0, 4) + 16 * bits_at(b, k, 6, 2);
}
inline int k_min(const Block& b, std::size_t k) {
  return k < 4 ? bits_at(b, 8 + k, 0, 6) : bits_at(b, 8 + k, 4, 4) + 16 * bits_at(b, 4 + k, 6, 2);
}
inline double q4(const Block& b, std::size_t v) {
  const int q = bits_at(b, 16, 8 * (v / 64 * 32 + v % 32) + 4 * (v / 32 % 2), 4);
  return f16_at(b, 0) * k_scale(b, v / 32) * q - f16_at(b, 2) * k_min(b, v / 32);
}
inline double q5(const Block& b, std::size_t v) {
  const int q = bits_at(b, 48, 8 * (v / 64 * 32 + v % 32) + 4 * (v / 32 % 2), 4) + 16 * bits_at(b, 16 + v % 32, v / 32, 1);
  return f16_at(b, 0) * k_scale(b, v / 32) * q - f16_at(b, 2) * k_min(b, v / 32);
}
inline double q6(const Block& b, std::size_t v) {
  const std::size_t half = v / 128, plane = v % 128 / 32, lane = v % 32;
  const int q =
      bits_at(b, 64 * half + plane % 2 * 32 + lane, plane < 2 ? 0 : 4, 4) + 16 * bits_at(b, 128 + 32 * half + lane, 2 * plane, 2) - 32;
  const int scale = b[192 + v / 16];
  return f16_at(b, 208) * (scale < 128 ? scale : scale - 256) * q;
}
inline double iq4(const Block& b, std::size_t v) {
  constexpr int table[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return f16_at(b, 0) * table[nibble(b, 2, v)];
}
/// E2M1: a sign, two bits of exponent biased by 1, one of fraction; E8M0 before them.
inline double mx(const Block& b, std::size_t v) {
  const int q = nibble(b, 1, v), exponent = q / 2 % 4, fraction = q % 2;
  const double size = exponent == 0 ? 0.5 * fraction : std::ldexp(1 + 0.5 * fraction, exponent - 1);
  return std::ldexp(q >= 8 ? -size : size, b[0] - 127);
}

}  // namespace reference

inline const std::vector<BlockReference>& block_references() {
  static const std::vector<BlockReference> all = {
      {"q4_0", "Q4_0", 2, 32, 18, {0}, 0.01, [](const Block& b, std::size_t v) { return f16_at(b, 0) * (nibble(b, 2, v) - 8); }},
      {"q4_1",
       "Q4_1",
       3,
       32,
       20,
       {0, 2},
       -0.008,
       [](const Block& b, std::size_t v) { return f16_at(b, 0) * nibble(b, 4, v) + f16_at(b, 2); }},
      {"q5_0",
       "Q5_0",
       6,
       32,
       22,
       {0},
       0.005,
       [](const Block& b, std::size_t v) { return f16_at(b, 0) * (nibble(b, 6, v) + 16 * bits_at(b, 2, v, 1) - 16); }},
      {"q5_1",
       "Q5_1",
       7,
       32,
       24,
       {0, 2},
       -0.004,
       [](const Block& b, std::size_t v) { return f16_at(b, 0) * (nibble(b, 8, v) + 16 * bits_at(b, 4, v, 1)) + f16_at(b, 2); }},
      {"q8_0",
       "Q8_0",
       8,
       32,
       34,
       {0},
       0.0007,
       [](const Block& b, std::size_t v) { return f16_at(b, 0) * (b[2 + v] < 128 ? b[2 + v] : b[2 + v] - 256); }},
      {"q2_K", "Q2_K", 10, 256, 84, {80, 82}, 0.004, reference::q2},
      {"q3_K", "Q3_K", 11, 256, 110, {108}, 0.0015, reference::q3},
      {"q4_K", "Q4_K", 12, 256, 144, {0, 2}, 0.0003, reference::q4},
      {"q5_K", "Q5_K", 13, 256, 176, {0, 2}, 0.00015, reference::q5},
      {"q6_K", "Q6_K", 14, 256, 210, {208}, 0.00005, reference::q6},
      {"iq4_nl", "IQ4_NL", 20, 32, 18, {0}, 0.0008, reference::iq4},
      {"mxfp4", "MXFP4", 39, 32, 17, {}, 0, reference::mx}};
  return all;
}

inline void put_f16(Block& block, std::size_t at, int bits) {
  block[at] = static_cast<std::uint8_t>(bits & 255), block[at + 1] = static_cast<std::uint8_t>(bits >> 8);
}

/// Bits of the f16 nearest to a number of normal size, rounded towards 0.
inline int f16_near(double value) {
  int exponent = 0;
  const double fraction = std::frexp(std::abs(value), &exponent);
  return (value < 0 ? 0x8000 : 0) + (exponent + 14) * 1024 + static_cast<int>(fraction * 2048) - 1024;
}

/// Blocks of numbers drawn at random, with scales that make a model's weights.
inline std::vector<Block> usual_blocks(const BlockReference& format, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Block> blocks(count, Block(format.bytes));
  for (Block& block : blocks) {
    for (std::uint8_t& byte : block) byte = static_cast<std::uint8_t>(random());
    for (std::size_t i = 0; i < format.scales.size(); ++i)  // of two the second is a min, of the size of half the range
      put_f16(block, format.scales[i],
              f16_near(format.usual *
                       (i == 0                ? 1.0
                        : format.values == 32 ? -7.5
                                              : 1.5) *
                       (1 + random() % 8 / 8.0)));
    if (format.scales.empty()) block[0] = static_cast<std::uint8_t>(120 + random() % 3);
  }
  return blocks;
}

/// Blocks with every corner: scales that are 0, -0, subnormal, normal, the largest, of both signs, each with the other; numbers all 0, all ones, every byte
/// value in every place of a word, and at random.
inline std::vector<Block> corner_blocks(const BlockReference& format) {
  constexpr int corners[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400, 0x3c00, 0xbc00, 0x2e66, 0x7bff, 0xfbff};
  std::mt19937 random(5);
  std::vector<Block> blocks;
  const auto add = [&](const std::function<int(std::size_t)>& byte, int first, int second) {
    Block block(format.bytes);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::uint8_t>(byte(i));
    for (std::size_t i = 0; i < format.scales.size(); ++i) put_f16(block, format.scales[i], i == 0 ? first : second);
    if (format.scales.empty()) block[0] = static_cast<std::uint8_t>(first % 253);
    blocks.push_back(std::move(block));
  };
  const auto any = [&](std::size_t) { return static_cast<int>(random() & 255); };
  for (const int first : corners)
    for (const int second : corners) {
      add(any, first, second);
      add([](std::size_t) { return 0; }, first, second);
      add([](std::size_t) { return 255; }, first, second);
    }
  for (int start = 0; start < 256; ++start)
    add([start](std::size_t i) { return start + 3 * static_cast<int>(i); }, 0x3555 + start, 0x2f00 + start);
  for (int i = 0; i < 253; ++i) add(any, i, i);  // every exponent of mxfp4
  return blocks;
}

inline std::vector<std::uint8_t> joined(const std::vector<Block>& blocks) {
  std::vector<std::uint8_t> bytes;
  for (const Block& block : blocks) bytes.insert(bytes.end(), block.begin(), block.end());
  return bytes;
}

/// What rows of blocks hold, in order.
inline std::vector<double> values_of(const BlockReference& format, const std::vector<Block>& blocks) {
  std::vector<double> values;
  for (const Block& block : blocks)
    for (std::size_t v = 0; v < format.values; ++v) values.push_back(format.value(block, v));
  return values;
}

}  // namespace ablate::test
