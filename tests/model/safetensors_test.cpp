#include "model/safetensors.h"

#include "base/error.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>

using namespace ablate;

namespace {

/// A file with this header and so many bytes of data.
std::string file_with(const std::string& header, std::size_t data_bytes) {
  std::string file(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(data_bytes, '\1');
}

TensorMap parse(const std::string& file) {
  TensorMap tensors;
  Metadata metadata;
  parse_safetensors(std::as_bytes(std::span(file)), "x.safetensors", tensors, metadata);
  return tensors;
}

const std::string f32_pair = R"("dtype":"F32","shape":[2],"data_offsets")";

}  // namespace

TEST_CASE("tensors come back as they were written") {
  const test::TemporaryFolder folder;
  const std::vector<float> a{1.5f, -2.0f, 3.25f, 0.0f, 1e-38f, 6e7f};
  const std::vector<std::int32_t> b{-1, std::numeric_limits<std::int32_t>::max()};
  const std::vector<TensorToWrite> tensors{TensorToWrite::from("zz.a", {2, 3}, a), TensorToWrite::from("b", {2}, b),
                                           TensorToWrite::from("empty", {0, 5}, std::span<const float>()),
                                           TensorToWrite::from("scalar", {}, std::span(a).first(1))};
  write_safetensors(folder / "x.safetensors", tensors, {{"format", "pt"}});

  const SafetensorsFile file(folder / "x.safetensors");
  CHECK(file.names() == std::vector<std::string>{"b", "empty", "scalar", "zz.a"});
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.at("zz.a").shape == std::vector<std::int64_t>{2, 3});
  CHECK(file.at("zz.a").floats() == a);
  CHECK(file.at("b").integers() == b);
  CHECK(file.at("empty").elements() == 0);
  CHECK(file.at("scalar").floats() == std::vector<float>{1.5f});
  std::vector<float> middle(2);
  file.at("zz.a").read(middle, 2);
  CHECK(middle == std::vector<float>{3.25f, 0.0f});
  CHECK_THROWS_AS(file.at("zz.a").read(middle, 5), InputError);
  CHECK_THROWS_WITH_AS(file.at("zz.a").integers(), doctest::Contains("zz.a: expected integers, found F32"), InputError);
  CHECK_THROWS_WITH_AS(file.at("b").floats(), doctest::Contains("found I32"), InputError);
  CHECK_THROWS_WITH_AS(file.at("c"), doctest::Contains("x.safetensors: has no tensor \"c\""), InputError);
  CHECK_FALSE(std::filesystem::exists(folder / "x.safetensors.partial"));
}

TEST_CASE("16-bit and 64-bit values are converted") {
  std::string file =
      file_with(R"({"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]},)"
                R"("d":{"dtype":"F64","shape":[1],"data_offsets":[4,12]},"i":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}})",
                20);
  std::byte* data = reinterpret_cast<std::byte*>(file.data()) + file.size() - 20;
  const std::uint16_t half = to_f16(-0.5f), brain = to_bf16(3.0f);
  const double wide = 0.25;
  std::int64_t integer = -7;
  std::memcpy(data, &half, 2), std::memcpy(data + 2, &brain, 2), std::memcpy(data + 4, &wide, 8), std::memcpy(data + 12, &integer, 8);
  const TensorMap tensors = parse(file);
  CHECK(tensors.at("h").floats().at(0) == -0.5f);
  CHECK(tensors.at("b").floats().at(0) == 3.0f);
  CHECK(tensors.at("d").floats().at(0) == 0.25f);
  CHECK(tensors.at("i").integers().at(0) == -7);
  integer = 1ll << 40;
  std::memcpy(data + 12, &integer, 8);
  CHECK_THROWS_WITH_AS(tensors.at("i").integers(), doctest::Contains("does not fit 32 bits"), InputError);
}

TEST_CASE("broken files are refused in one line") {
  const auto refuses = [](const std::string& file, const char* message) {
    CAPTURE(std::string(message));
    CHECK_THROWS_WITH_AS(parse(file), doctest::Contains(message), InputError);
  };
  refuses("1234567", "no safetensors file");
  refuses("", "is empty");
  refuses("version https://git-lfs.github.com/spec/v1\noid sha256:4\nsize 13500\n",
          "is a Git LFS pointer, not the file itself: git lfs pull");
  refuses("<html>" + std::string(5000, 'x'), "is a web page");
  refuses("PK\3\4" + std::string(5000, '\0'), "is a zip archive");
  refuses("GGUF\3" + std::string(5000, '\0'), "is a GGUF file");
  refuses(std::string(5000, '\0'), "is nothing but zeros");
  refuses(std::string(8, '\xff'), "the header says");
  refuses(file_with("{}", 0).substr(0, 9), "the header says it has 2 bytes, the file has 9");
  refuses(file_with("[]", 0), "not a JSON object");
  refuses(file_with("{\"a\"", 0), "the header:1:5: not JSON");
  refuses(file_with("{\"\xff\":1}", 0), "the header:1:3: not JSON");
  refuses(file_with("{}", 3), "the tensors take 0 bytes, the file holds 3");
  refuses(file_with(R"({"a":3})", 0), "a: has no dtype");
  refuses(file_with(R"({"a":{"dtype":"F32"}})", 0), "has no shape");
  refuses(file_with(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "has no data_offsets");
  refuses(file_with(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8), "no count");
  refuses(file_with(R"({"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", 8), "no count");
  refuses(file_with(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})", 8), "has no data_offsets");
  refuses(file_with("{\"a\":{" + f32_pair + ":[0,16]}}", 8), "do not lie in the 8");
  refuses(file_with("{\"a\":{" + f32_pair + ":[8,0]}}", 8), "do not lie in");
  refuses(file_with("{\"a\":{" + f32_pair + ":[0,4]}}", 4), "shape [2] of F32 needs 8 bytes, the file gives it 4");
  refuses(file_with(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", 8), "more than 2^63");
  refuses(file_with("{\"a\":{" + f32_pair + ":[0,8]},\"b\":{" + f32_pair + ":[4,12]}}", 12), "overlap");
  refuses(file_with("{\"a\":{" + f32_pair + ":[0,8]},\"b\":{" + f32_pair + ":[12,20]}}", 20), "4 bytes before it belong to no tensor");
  refuses(file_with("{\"a\":{" + f32_pair + ":[0,8]},\"a\":{" + f32_pair + ":[8,16]}}", 16), "two tensors are named \"a\"");
  refuses(file_with(R"({"__metadata__":{"x":1}})", 0), "__metadata__.x is not a string");
}

TEST_CASE("deeply nested headers are refused without recursion") {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  CHECK_THROWS_AS(parse(file_with(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":)" + deep + "}}", 0)), InputError);
  CHECK_THROWS_AS(parse(file_with(R"({"a":{"dtype":"F32","shape":)" + deep + R"(,"data_offsets":[0,0]}})", 0)), InputError);
}

TEST_CASE("a tensor of unknown type is listed and refused when it is read") {
  const std::string file = file_with(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2);
  const TensorMap tensors = parse(file);
  CHECK(tensors.at("a").shape == std::vector<std::int64_t>{3});
  CHECK_THROWS_WITH_AS(tensors.at("a").floats(), doctest::Contains("a: unknown dtype F4"), InputError);
}

TEST_CASE("a write that fails leaves nothing behind") {
  const test::TemporaryFolder folder;
  const std::vector<float> values(4);
  const std::vector<TensorToWrite> wrong{TensorToWrite::from("a", {5}, values)};
  CHECK_THROWS_WITH_AS(write_safetensors(folder / "x.safetensors", wrong), doctest::Contains("a got 16 bytes, its shape needs 20"),
                       RunError);
  const std::vector<TensorToWrite> twice{TensorToWrite::from("a", {4}, values), TensorToWrite::from("a", {4}, values)};
  CHECK_THROWS_AS(write_safetensors(folder / "x.safetensors", twice), RunError);
  CHECK_THROWS_AS(write_safetensors(folder / "missing" / "x.safetensors", {}), RunError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("the data of a written file begins at a multiple of eight bytes") {
  const test::TemporaryFolder folder;
  const std::vector<float> values(3, 1.0f);
  for (std::size_t length = 1; length <= 9; ++length) {
    const std::vector<TensorToWrite> tensors{TensorToWrite::from(std::string(length, 'n'), {3}, values)};
    write_safetensors(folder / "x.safetensors", tensors);
    const std::string file = read_text(folder / "x.safetensors");
    CHECK((file.size() - 12) % 8 == 0);
    CHECK(SafetensorsFile(folder / "x.safetensors").at(std::string(length, 'n')).floats() == values);
  }
}
