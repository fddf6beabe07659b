// A trained language model against Transformers: SmolLM2-135M-Instruct, where tools/get_smollm2 has put it or ABLATE_SMOLLM2 says it is. What is expected was
// made by tools/smollm2_reference.py, in float64 on the weights that the file's Q4_1 blocks decode to.
#include "anatomy.h"
#include "first_sequence.h"
#include "model/tokenizer.h"
#include "support/places.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <optional>

using namespace ablate;
using namespace ablate::test;
namespace fs = std::filesystem;

namespace {

/// None, with the test counted as skipped, where the model is not there.
std::optional<fs::path> model_file(const char* what) {
  const char* own = std::getenv("ABLATE_SMOLLM2");
  const fs::path path = own && *own ? fs::path(own) : cache_folder() / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (fs::exists(path)) return path;
  skip(fmt::format("SmolLM2-135M-Instruct: {}", what), "the model is not here (tools/get_smollm2 gets it)");
  return std::nullopt;
}

fs::path golden() { return test::tests_folder() / "golden" / "smollm2"; }

// Sums of up to 1536 f32 products through 60 blocks, each rounded by 2^-24: sqrt(1536) * 60 * 6e-8 = 1.4e-4 if all of them added up in one direction; as they do not, 1e-4 of a
// token's largest value, or of 1. Weights are differences of scores of size 10, ten times that.
constexpr double tolerance = 1e-4, weight_tolerance = 1e-3;

struct Oracle {
  SafetensorsFile file{golden() / "oracle.safetensors"};
  std::vector<std::int32_t> positions = file.at("positions").integers(), channels = file.at("channels").integers(),
                            tokens = file.at("tokens").integers();
};

/// The largest difference from what is expected at some positions and columns, over the largest |value| found at the position, or 1.
double far(const std::vector<float>& found, std::uint32_t width, std::span<const float> expected,
           const std::vector<std::int32_t>& positions, const std::vector<std::int32_t>& columns) {
  double worst = 0;
  for (std::size_t p = 0; p < positions.size(); ++p) {
    const std::span row = std::span(found).subspan(static_cast<std::size_t>(positions[p]) * width, width);
    double size = 1;
    for (const float value : row) size = std::max(size, std::abs(static_cast<double>(value)));
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const double wanted = static_cast<double>(expected[p * columns.size() + c]);
      const double difference = std::abs(static_cast<double>(row[static_cast<std::size_t>(columns[c])]) - wanted) / size;
      if (!(difference <= worst)) worst = difference;
    }
  }
  return worst;
}

void check_states(const FirstSequence& seen, const Oracle& oracle) {
  const std::vector<float> states = oracle.file.at("states").floats(), logits = oracle.file.at("logits").floats();
  const std::size_t one = oracle.positions.size() * oracle.channels.size();
  for (std::size_t i = 0; i <= 60; ++i) {
    CAPTURE(i);
    CHECK(far(seen.values.at(fmt::format("residual.{}", i)), 576, std::span(states).subspan(i * one, one), oracle.positions,
              oracle.channels) <= tolerance);
  }
  CHECK(far(seen.values.at("logits"), 49152, logits, oracle.positions, oracle.tokens) <= tolerance);
}

void check_sinks(const Metrics& metrics, const Oracle& oracle) {
  const std::vector<float> mass = oracle.file.at("sink_mass").floats();  // (30, 9)
  const auto scores = table(metrics, "sink_score");
  REQUIRE(scores.size() == 30);
  for (std::size_t layer = 0; layer < 30; ++layer)
    for (std::size_t head = 0; head < 9; ++head)
      CHECK(std::abs(scores[layer].at(head) - static_cast<double>(mass[layer * 9 + head])) <= weight_tolerance);
}

/// Those of tools/smollm2_reference.py.
class Numbers {
 public:
  std::size_t below(std::size_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 32) % bound;
  }

 private:
  std::uint64_t state_ = 2025;
};

std::uint64_t hash_of(const std::vector<std::int32_t>& ids) {
  std::uint64_t value = 0xCBF29CE484222325;
  for (const std::int32_t id : ids) value = (value ^ static_cast<std::uint64_t>(id)) * 0x100000001B3;
  return value >> 48;
}

}  // namespace

TEST_CASE("SmolLM2 computes what Transformers computes") {
  const auto path = model_file("states, logits and attention");
  if (!path) return;
  const Oracle oracle;
  const CheckpointFolder checkpoint(*path);
  CHECK(checkpoint.config().n_layers == 30);
  Weights weights(pipelines().device(), checkpoint.config(), DType::f32, WeightsUse::inference);
  weights.load(checkpoint);
  FirstSequence seen;
  ProbeSettings settings;
  Settings own(parse_toml("", ""));
  const auto spikes = Probes::find("statistic", "spikes")(settings, own), sinks = Probes::find("statistic", "sinks")(settings, own);
  const Evaluation evaluation = Evaluator(pipelines(), weights, DType::f32, ids_of(oracle.file), nullptr, {.sequences = 1})
                                    .run({}, {&seen, spikes.get(), sinks.get()});
  const double nll = static_cast<double>(oracle.file.at("mean_nll").floats()[0]);
  CHECK(std::abs(evaluation.loss.value() - nll) <= 1e-5 * nll);
  check_states(seen, oracle);
  Metrics metrics;
  spikes->finish(metrics), sinks->finish(metrics);
  check_sinks(metrics, oracle);
  const std::vector<float> sizes = oracle.file.at("size").floats();
  for (std::size_t i = 0; i < sizes.size(); ++i)
    CHECK(list(metrics, "spike_per_state").at(i) == doctest::Approx(static_cast<double>(sizes[i])).epsilon(tolerance));
}

TEST_CASE("SmolLM2's tokens are those of Transformers") {
  const auto path = model_file("tokens of 2,000 strings");
  if (!path) return;
  const auto json = nlohmann::json::parse(read_text(golden() / "tokens.json"));
  const auto pieces = json.at("pieces").get<std::vector<std::string>>();
  const auto hashes = json.at("hashes").get<std::vector<std::uint64_t>>();
  REQUIRE(hashes.size() == 250);
  const Tokenizer tokenizer = Tokenizer::load(*path);
  Numbers numbers;
  for (const std::uint64_t hash : hashes) {
    std::vector<std::string> texts(8);
    std::vector<std::int32_t> each;
    for (std::string& text : texts) {
      const std::size_t count = 1 + numbers.below(12);
      for (std::size_t i = 0; i < count; ++i) text += pieces[numbers.below(pieces.size())];
      each.push_back(static_cast<std::int32_t>(hash_of(tokenizer.encode(text, /*special_tokens=*/false))));
    }
    CAPTURE(texts);
    CHECK(hash_of(each) == hash);
  }
}
