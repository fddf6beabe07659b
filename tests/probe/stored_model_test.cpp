// Models whose weights stay in blocks on the device: GGUF files of every storage format, and what model.stored quantizes.
#include "anatomy.h"
#include "base/storage_format.h"
#include "model/parameters.h"
#include "probe/interventions.h"
#include "support/block_reference.h"
#include "support/gguf_file.h"
#include "support/temporary_folder.h"

#include <cmath>
#include <map>

using namespace ablate;
using namespace ablate::test;

namespace {

EvaluationData some_tokens() {
  EvaluationData data{.rows = 2, .columns = 33, .ids = {}, .shifted = true, .positions = std::nullopt};
  for (std::int32_t i = 0; i < 66; ++i) data.ids.push_back(i * 37 % 96);
  data.columns = 33;
  return data;
}

Weights loaded(const CheckpointFolder& checkpoint, const WeightTypes& types) {
  Weights weights(pipelines().device(), checkpoint.config(), types, WeightsUse::inference);
  weights.load(checkpoint);
  return weights;
}

double loss_of(const Weights& weights, const Hooks& hooks = {}) {
  const Evaluation evaluation = Evaluator(pipelines(), weights, DType::f32, some_tokens()).run(hooks, {});
  REQUIRE(evaluation.loss.has_value());
  return *evaluation.loss;
}

// The same numbers are multiplied; sums of up to 512 products are rounded in another order, each by 2^-24 of its terms, through eight products and the head:
// 9 sqrt(512) 2^-24 = 1.2e-5 of the logits, which are of size 1 to 10.
constexpr double tolerance = 5e-5;

}  // namespace

TEST_CASE("a GGUF file of each format gives the loss of its weights as f32 numbers") {
  for (const BlockReference& format : block_references()) {
    CAPTURE(format.name);
    const TemporaryFolder folder;
    write_stored_llama(folder / "model.gguf", format);
    const CheckpointFolder checkpoint(folder / "model.gguf");
    const WeightTypes types = types_as_stored(checkpoint);
    CHECK(types.blocks.size() == 8);
    const Weights stored = loaded(checkpoint, types), numbers = loaded(checkpoint, DType::f32);
    for (const ParameterSpec& spec : parameters(checkpoint.config())) {
      CHECK(stored.read(spec.name) == numbers.read(spec.name));
      if (spec.shape.size() == 2) CHECK(name_of(stored.type(stored.entry(spec.name))) == format.name);
    }
    const double loss = loss_of(stored), expected = loss_of(numbers);
    CHECK(expected > 1);
    CHECK(std::abs(loss - expected) <= tolerance);
  }
}

TEST_CASE("rows of q lie in blocks where the model has them") {
  const BlockReference& format = block_references()[0];
  const TemporaryFolder folder;
  std::vector<Block> written;
  write_stored_llama(folder / "model.gguf", format, [&](const std::string& tensor, std::vector<Block>& blocks) {
    if (tensor == "blk.0.attn_q.weight") written = blocks;
  });
  const CheckpointFolder checkpoint(folder / "model.gguf");
  const std::vector<float> q = loaded(checkpoint, types_as_stored(checkpoint)).read("model.layers.0.self_attn.q_proj.weight");
  const std::vector<double> in_file = values_of(format, written);
  for (std::size_t row = 0; row < 256; ++row) {  // the file has channel p and p + 32 of a head next to each other
    const std::size_t in_head = row % 64, there = row - in_head + in_head % 32 * 2 + in_head / 32;
    for (std::size_t column = 0; column < 256; ++column)
      REQUIRE(q[row * 256 + column] == static_cast<float>(in_file[there * 256 + column]));
  }
}

TEST_CASE("weights in blocks take the memory of their blocks") {
  for (const BlockReference& format : block_references()) {
    const TemporaryFolder folder;
    write_stored_llama(folder / "model.gguf", format);
    const CheckpointFolder checkpoint(folder / "model.gguf");
    const Weights planned(pipelines().device(), checkpoint.config(), types_as_stored(checkpoint), WeightsUse::inference, false);
    std::uint64_t bytes = 3 * 256 * 4;  // norms
    for (const ParameterSpec& spec : parameters(checkpoint.config()))
      if (spec.shape.size() == 2) bytes += static_cast<std::uint64_t>(spec.elements()) / format.values * format.bytes;
    CHECK_MESSAGE(planned.bytes() == bytes, format.name);
    CHECK(Weights(pipelines().device(), checkpoint.config(), DType::f32, WeightsUse::inference, false).bytes() ==
          Weights::bytes_needed(checkpoint.config(), DType::f32, WeightsUse::inference));
  }
}

TEST_CASE("a scale that is NaN or infinite is refused with its tensor and block, as blocks and as numbers") {
  for (const BlockReference& format : block_references()) {
    const TemporaryFolder folder;
    write_stored_llama(folder / "model.gguf", format, [&](const std::string& tensor, std::vector<Block>& blocks) {
      if (tensor != "blk.0.ffn_up.weight") return;
      if (format.scales.empty()) blocks[5][0] = 255;
      else put_f16(blocks[5], format.scales.back(), 0x7e00);
    });
    const CheckpointFolder checkpoint(folder / "model.gguf");
    for (const WeightTypes& types : {types_as_stored(checkpoint), WeightTypes(DType::f32)})
      CHECK_THROWS_WITH_AS(loaded(checkpoint, types),
                           doctest::Contains("blk.0.ffn_up.weight: the scale of its block 5 is no finite number"), InputError);
  }
}

TEST_CASE("weights in blocks are quantized again by do = \"quantize\", as their numbers are") {
  const TemporaryFolder folder;
  write_stored_llama(folder / "model.gguf", block_references()[7]);  // q4_K
  const CheckpointFolder checkpoint(folder / "model.gguf");
  const Weights stored = loaded(checkpoint, types_as_stored(checkpoint)), numbers = loaded(checkpoint, DType::f32);
  Settings settings(parse_toml("at = \"linear_weights\"\ndo = \"quantize\"\nbits = 3\ngranularity = \"channel\"", "x.toml"));
  const auto hooks_of = [&] { return apply({InterventionSettings::from(settings)}, checkpoint.config(), {}, 32).hooks; };
  const double changed = loss_of(stored, hooks_of()), expected = loss_of(numbers, hooks_of());
  CHECK(std::abs(changed - expected) <= tolerance);
  CHECK(std::abs(changed - loss_of(stored)) > 1e-3);
}

TEST_CASE("a checkpoint is quantized while it loads, to what the format makes of its numbers") {
  const TemporaryFolder folder;
  write_stored_llama(folder / "model.gguf", block_references()[9]);  // q6_K
  const CheckpointFolder checkpoint(folder / "model.gguf");
  const Weights numbers = loaded(checkpoint, DType::f32);
  for (const auto& [file_name, format] : StorageFormats::all()) {
    if (!format.encode) continue;
    CAPTURE(file_name);
    const Weights weights = loaded(checkpoint, types_in_blocks(checkpoint.config(), type_of(format), DType::f32, "model.stored"));
    for (const ParameterSpec& spec : parameters(checkpoint.config())) {
      std::vector<float> expected = numbers.read(spec.name);
      if (spec.shape.size() == 2) {
        std::vector<std::byte> block(format.bytes);
        for (std::size_t i = 0; i < expected.size(); i += format.values) {
          REQUIRE(format.encode(&expected[i], block.data()));
          format.decode(block.data(), &expected[i]);
        }
      }
      CHECK(weights.read(spec.name) == expected);
    }
    const TemporaryFolder exported;  // as numbers, and back
    write_checkpoint(exported.path(), checkpoint.config(), weights.tensors_to_write());
    const Weights again = loaded(CheckpointFolder(exported.path()), DType::f32);
    for (const ParameterSpec& spec : parameters(checkpoint.config())) CHECK(again.read(spec.name) == weights.read(spec.name));
    CHECK(std::abs(loss_of(weights) - loss_of(again)) <= tolerance);
  }
}

TEST_CASE("what cannot be kept in blocks is refused by name") {
  const TemporaryFolder folder;
  write_stored_llama(folder / "model.gguf", block_references()[7]);
  const CheckpointFolder checkpoint(folder / "model.gguf");
  TransformerConfig narrow = checkpoint.config();
  narrow.d_ffn = 500;
  CHECK_THROWS_WITH_AS(types_in_blocks(narrow, *parse_type("q8_0"), DType::f32, "x.toml:3: model.stored"),
                       doctest::Contains("x.toml:3: model.stored: q8_0 keeps 32 values of a row together, and the rows of "
                                         "model.layers.0.mlp.down_proj.weight have 500"),
                       InputError);
  Weights weights = loaded(checkpoint, types_as_stored(checkpoint));
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  CHECK_THROWS_WITH_AS(weights.write(name, weights.read(name)), doctest::Contains("is kept as q4_K, which is read and not written"),
                       InputError);
  Weights eight = loaded(checkpoint, types_in_blocks(checkpoint.config(), *parse_type("q8_0"), DType::f32, ""));
  std::vector<float> values = eight.read(name);
  values[70] = 1e30f;
  CHECK_THROWS_WITH_AS(eight.write(name, values), doctest::Contains("its elements 64 to 95 cannot be kept as q8_0"), InputError);
}
