// Storage formats on the host against their decoding in float64, and what they make of values.
#include "base/storage_format.h"

#include "support/block_reference.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <span>

using namespace ablate;
using namespace ablate::test;

namespace {

const StorageFormat& format_of(const BlockReference& reference) {
  const StorageFormat* format = find_format(reference.file_name);
  REQUIRE_MESSAGE(format, reference.name);
  return *format;
}

std::vector<float> decoded(const StorageFormat& format, const Block& block) {
  std::vector<float> values(format.values);
  format.decode(std::as_bytes(std::span(block)).data(), values.data());
  return values;
}

bool sound(const StorageFormat& format, const Block& block) { return format.sound(std::as_bytes(std::span(block)).data()); }

std::vector<float> normals(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(32);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace

TEST_CASE("every format is tried, and is what files say it is") {
  CHECK(StorageFormats::all().size() == block_references().size());
  for (const BlockReference& reference : block_references()) {
    const StorageFormat& format = format_of(reference);
    CHECK(format.name == reference.name);
    CHECK(format.number == reference.number);
    CHECK(format.values == reference.values);
    CHECK(format.bytes == reference.bytes);
    CHECK(name_of(type_of(format)) == reference.name);
    CHECK(parse_type(reference.name) == type_of(format));
    CHECK(bytes_of(type_of(format), 3 * reference.values) == 3 * reference.bytes);
  }
  CHECK(parse_type("q9_9") == std::nullopt);
  CHECK(bytes_of(DType::bf16, 7) == 14);
}

// Every product of a scale and a number is exact in f32 and a sum of two such in f64: what f32 holds is the float64 value rounded once.
TEST_CASE("blocks decode to their values in float64, rounded once") {
  for (const BlockReference& reference : block_references()) {
    const StorageFormat& format = format_of(reference);
    for (const Block& block : corner_blocks(reference)) {
      REQUIRE(sound(format, block));
      const std::vector<float> values = decoded(format, block);
      for (std::size_t v = 0; v < values.size(); ++v) {
        const auto expected = static_cast<float>(reference.value(block, v));
        if (values[v] != expected) FAIL_CHECK(reference.name, " value ", v, ": ", values[v], ", expected ", expected);
      }
    }
  }
}

TEST_CASE("a scale that is no finite number is found, whichever it is") {
  for (const BlockReference& reference : block_references()) {
    const StorageFormat& format = format_of(reference);
    const Block good = usual_blocks(reference, 1, 1)[0];
    CHECK(sound(format, good));
    for (const std::size_t at : reference.scales)
      for (const int bits : {0x7c00, 0xfc00, 0x7c01, 0x7e00, 0xffff}) {
        Block bad = good;
        put_f16(bad, at, bits);
        CAPTURE(reference.name);
        CHECK_FALSE(sound(format, bad));
      }
    if (!reference.scales.empty()) continue;
    for (const int exponent : {255, 254, 253}) {  // NaN, and those under which 6 is no f32
      Block bad = good;
      bad[0] = static_cast<std::uint8_t>(exponent);
      CHECK_FALSE(sound(format, bad));
    }
  }
}

// A step of the scale, as it is rounded to f16, is the farthest that two neighbours lie apart; half of it and that rounding (2^-11 of the largest number of
// steps) is what a value may be off. mxfp4's numbers lie 2 apart at its top, 6, below 8 times the scale: it saturates there by a quarter of the value.
TEST_CASE("encoded values come back within half a step") {
  for (const BlockReference& reference : block_references()) {
    const StorageFormat& format = format_of(reference);
    if (!format.encode) continue;
    CAPTURE(reference.name);
    for (unsigned seed = 1; seed <= 50; ++seed) {
      const std::vector<float> values = normals(seed);
      Block block(format.bytes);
      REQUIRE(format.encode(values.data(), std::as_writable_bytes(std::span(block)).data()));
      REQUIRE(sound(format, block));
      const std::vector<float> back = decoded(format, block);
      float most = 0, least = values[0], largest = values[0];
      for (const float value : values)
        most = std::max(most, std::abs(value)), least = std::min(least, value), largest = std::max(largest, value);
      const float step = reference.name == "q8_0"   ? most / 127
                         : reference.name == "q4_0" ? most / 8
                         : reference.name == "q5_0" ? most / 16
                         : reference.name == "q4_1" ? (largest - least) / 15
                                                    : (largest - least) / 31;
      for (std::size_t v = 0; v < values.size(); ++v) {
        const bool at_the_end = (reference.name == "q4_0" || reference.name == "q5_0") && std::abs(values[v]) > most - 1.01f * step;
        const float allowed = reference.name == "mxfp4" ? 0.26f * most : (at_the_end ? 1.01f : 0.501f) * step + most / 1024;
        if (!(std::abs(back[v] - values[v]) <= allowed)) FAIL_CHECK(reference.name, " ", values[v], " became ", back[v]);
      }
      Block again(format.bytes);  // what a block decodes to is kept as it is
      if (reference.name == "q4_1" || reference.name == "q5_1") continue;
      REQUIRE(format.encode(back.data(), std::as_writable_bytes(std::span(again)).data()));
      const std::vector<float> twice = decoded(format, again);
      for (std::size_t v = 0; v < back.size(); ++v) CHECK(std::abs(twice[v] - back[v]) <= 2e-3f * most);
    }
  }
}

TEST_CASE("zeros are kept, what no scale holds is refused") {
  for (const BlockReference& reference : block_references()) {
    const StorageFormat& format = format_of(reference);
    if (!format.encode) continue;
    CAPTURE(reference.name);
    Block block(format.bytes, 0xaa);
    const auto to = std::as_writable_bytes(std::span(block)).data();
    REQUIRE(format.encode(std::vector<float>(32, 0.0f).data(), to));
    for (const float value : decoded(format, block)) CHECK(value == 0);
    REQUIRE(format.encode(std::vector<float>(32, 1e-42f).data(), to));  // below all scales
    for (const float value : decoded(format, block)) CHECK(std::abs(value) <= 1e-41f);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
      std::vector<float> values = normals(3);
      values[17] = bad;
      CHECK_FALSE(format.encode(values.data(), to));
    }
    std::vector<float> values = normals(3);
    values[5] = 1e30f;
    CHECK(format.encode(values.data(), to) == reference.scales.empty());  // an exponent reaches as far
  }
}
