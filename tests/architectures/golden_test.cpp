// Tiny random checkpoints of every class against Transformers: loss, logits, residual states, attention on the first key; and written back, the same files.
#include "support/golden.h"
#include "model/exported_tensors.h"
#include "probe/anatomy.h"
#include "probe/first_sequence.h"
#include "probe/forward_reference.h"
#include "support/places.h"
#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace ablate;
using namespace ablate::test;
namespace fs = std::filesystem;

using Json = nlohmann::json;

namespace {

fs::path goldens() { return test::tests_folder() / "golden" / "architectures"; }

/// centre + spread * u: hashed() of tools/make_architecture_goldens.py.
std::vector<float> hashed(const std::string& name, std::size_t count, double centre, double spread) {
  std::uint64_t seed = 0xCBF29CE484222325;
  for (const unsigned char byte : name) seed = (seed ^ byte) * 0x100000001B3;
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t z = i * 0x9E3779B97F4A7C15 + seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    values[i] = static_cast<float>(centre + spread * (static_cast<double>(z >> 40) / 8388608.0 - 1.0));
  }
  return values;
}

/// low to high: hashed_bytes() there.
std::vector<std::byte> hashed_bytes(const std::string& name, std::size_t count, int low, int high) {
  std::vector<std::byte> bytes;
  for (const float unit : hashed(name, count, 0.5, 0.5))
    bytes.push_back(static_cast<std::byte>(std::clamp(low + static_cast<int>(static_cast<double>(unit) * (high - low + 1)), low, high)));
  return bytes;
}

/// A tensor whose numbers are a hash of its name. law: its shape, and centre and spread, or "u8", the least and the largest.
TensorToWrite tensor_of(const std::string& name, const Json& law) {
  const auto shape = law.at(0).get<std::vector<std::int64_t>>();
  std::size_t count = 1;
  for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
  if (law.size() == 4) return {name, "U8", shape, [=](const ByteSink& sink) { sink(hashed_bytes(name, count, law.at(2), law.at(3))); }};
  return {name, "F32", shape, [=](const ByteSink& sink) {
            const std::vector<float> values = hashed(name, count, law.at(1), law.at(2));
            sink(std::as_bytes(std::span(values)));
          }};
}

/// A checkpoint's folder as Transformers saves it.
void write_folder(const std::string& name, const fs::path& folder) {
  const Json laws = Json::parse(read_text(goldens() / name / "weights.json"));
  std::vector<TensorToWrite> tensors;
  for (const auto& [tensor, law] : laws.items()) tensors.push_back(tensor_of(tensor, law));
  write_safetensors(folder / "model.safetensors", tensors);
  fs::copy_file(goldens() / name / "config.json", folder / "config.json");
}

/// The largest difference over the largest value that is expected, or over 1.
double error(const std::vector<float>& found, std::span<const float> expected) {
  double size = 1, worst = 0;
  for (const float value : expected) size = std::max(size, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found.at(i)) - static_cast<double>(expected[i])) / size;
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

// Both sides are f32: sums of up to 41 products through 6 blocks, rounded by 2^-24 in different orders, stay within 6 * sqrt(41) * 6e-8 = 2.3e-6 of the
// largest value; scores of size 10 turn such a difference into ten times as much of a weight.
constexpr double tolerance = 2e-5;

void check_sinks(const SafetensorsFile& expected, const CheckpointFolder& checkpoint, Metrics& metrics) {
  const std::vector<float> mass = expected.at("sink_mass").floats();  // (L, N, H), of the layers that attend
  const auto rows = static_cast<std::size_t>(expected.at("ids").shape[0]), heads = static_cast<std::size_t>(checkpoint.config().n_heads);
  const auto scores = table(metrics, "sink_score");
  std::size_t attending = 0;
  for (std::size_t layer = 0; layer < scores.size(); ++layer) {
    const bool attends = checkpoint.config().attends(static_cast<int>(layer));
    for (std::size_t head = 0; head < heads; ++head) {
      double mean = 0;
      for (std::size_t row = 0; attends && row < rows; ++row)
        mean += static_cast<double>(mass[(attending * rows + row) * heads + head]) / static_cast<double>(rows);
      if (attends) CHECK(std::abs(scores.at(layer).at(head) - mean) <= tolerance);
      else CHECK(std::isnan(scores.at(layer).at(head)));
    }
    attending += attends;
  }
  CHECK(attending * rows * heads == mass.size());
}

bool holds_blocks(const SafetensorsFile& file) {
  const auto names = file.names();
  return std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.ends_with("_blocks"); });
}

void check_export(const CheckpointFolder& checkpoint, const Weights& weights) {
  const TemporaryFolder copy;
  write_checkpoint(copy.path(), checkpoint.config(), weights.tensors_to_write());
  const CheckpointFolder again(copy.path());
  CHECK(again.config() == checkpoint.config());
  for (const ParameterSpec& parameter : parameters(checkpoint.config())) {
    const auto count = static_cast<std::size_t>(parameter.elements());
    std::vector<float> before(count), after(count);
    checkpoint.read(parameter.name, before), again.read(parameter.name, after);
    CHECK_MESSAGE(before == after, parameter.name);
  }
  const SafetensorsFile before(checkpoint.folder() / "model.safetensors"), after(copy / "model.safetensors");
  if (holds_blocks(before)) return;  // what they decode to is written
  if (Json::parse(read_text(checkpoint.folder() / "config.json")).contains("text_config")) {
    CHECK(before.names().size() > after.names().size());  // the language model alone is
    return;
  }
  CHECK(again.config().origin.name == checkpoint.config().origin.name);
  CHECK(before.names() == after.names());
  for (const std::string& name : before.names()) {
    CAPTURE(name);
    CHECK(before.at(name).shape == after.at(name).shape);
    CHECK(std::equal(before.at(name).bytes.begin(), before.at(name).bytes.end(), after.at(name).bytes.begin(), after.at(name).bytes.end()));
  }
}

// The definition that interventions and statistics of all classes are compared with. Transformers computes in f32, the definition in double.
void check_definition(const Weights& weights, const EvaluationData& data, double nll) {
  Array<std::int32_t> ids({data.rows, data.columns});
  ids.data = data.ids;
  const std::vector<double> losses = ForwardReference(weights).losses(ids, {});
  double sum = 0;
  for (std::size_t i = 0; i < losses.size(); ++i)
    if ((i + 1) % data.columns != 0) sum += losses[i];
  CHECK(std::abs(sum / (data.rows * (data.columns - 1.0)) - nll) <= 2e-6 * nll);
}

void check_golden(const std::string& name) {
  CAPTURE(name);
  const TemporaryFolder folder;
  write_folder(name, folder.path());
  const CheckpointFolder checkpoint(folder.path());
  const SafetensorsFile expected(goldens() / name / "expected.safetensors");
  const EvaluationData data = ids_of(expected);
  Weights weights(pipelines().device(), checkpoint.config(), DType::f32, WeightsUse::inference);
  weights.load(checkpoint);

  FirstSequence seen;
  Settings own(parse_toml("", ""));
  const auto spikes = Probes::find("statistic", "spikes")(ProbeSettings{}, own),
             sinks = Probes::find("statistic", "sinks")(ProbeSettings{}, own);
  const Evaluation evaluation = Evaluator(pipelines(), weights, DType::f32, data).run({}, {&seen, spikes.get(), sinks.get()});
  const double nll = static_cast<double>(expected.at("mean_nll").floats()[0]);
  CHECK(std::abs(evaluation.loss.value() - nll) <= 1e-5 * nll);
  CHECK(error(seen.values.at("logits"), expected.at("logits").floats()) <= tolerance);
  const std::vector<float> states = expected.at("states").floats();
  const auto count = static_cast<std::size_t>(expected.at("states").shape[0]), each = states.size() / count;
  REQUIRE(count == static_cast<std::size_t>(checkpoint.config().states()));
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(i);
    CHECK(error(seen.values.at("residual." + std::to_string(i)), std::span(states).subspan(i * each, each)) <= tolerance);
  }
  Metrics metrics;
  spikes->finish(metrics), sinks->finish(metrics);
  CHECK(list(metrics, "spike_per_state").size() == count);
  check_sinks(expected, checkpoint, metrics);
  check_definition(weights, data, nll);
  check_export(checkpoint, weights);
}

}  // namespace

TEST_CASE("every architecture computes what Transformers computes, and is written back as it was") {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(goldens())) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  REQUIRE(names.size() >= 31);
  for (const std::string& name : names) {
    try {
      check_golden(name);
    } catch (const std::exception& error) {
      FAIL_CHECK(fmt::format("{}: {}", name, error.what()));
    }
  }
}
