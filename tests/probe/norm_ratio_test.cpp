// The proxy of Gu et al. 2025 against its definition in double precision, of the states that it was taken of.
#include "anatomy.h"
#include "probe/dump.h"
#include "support/places.h"
#include "support/temporary_folder.h"

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("norm_ratio: the first token's norm over the others' mean, per state, mean over sequences") {
  for (const char* name : {"planted", "llama3", "qwen3"}) {
    CAPTURE(std::string(name));
    const std::filesystem::path folder = test::tests_folder() / "golden" / "hf" / name;
    const CheckpointFolder checkpoint(folder);
    const EvaluationData data = ids_of(SafetensorsFile(folder / "expected.safetensors"));
    const std::vector<double> ratio = list(measure("norm_ratio", checkpoint, data), "norm_ratio");
    REQUIRE(ratio.size() == static_cast<std::size_t>(checkpoint.config().blocks()) + 1);

    ProbeSettings settings;
    settings.dump = {"residual.*"};
    DumpProbe dump(settings);
    Weights weights(pipelines().device(), checkpoint.config(), DType::f32, WeightsUse::inference);
    weights.load(checkpoint);
    Evaluator(pipelines(), weights, DType::f32, data).run({}, {&dump});
    const TemporaryFolder out;
    dump.write(out.path());
    const SafetensorsFile states(out / "probes.safetensors");
    const std::size_t channels = static_cast<std::size_t>(checkpoint.config().d_model);
    for (std::size_t state = 0; state < ratio.size(); ++state) {
      CAPTURE(state);
      const std::vector<float> h = states.at("residual." + std::to_string(state)).floats();
      double mean = 0;
      for (std::size_t row = 0; row < data.rows; ++row) {
        double first = 0, others = 0;
        for (std::size_t t = 0; t < data.columns; ++t) {
          double squares = 0;
          for (std::size_t c = 0; c < channels; ++c) squares += std::pow(double(h[(row * data.columns + t) * channels + c]), 2);
          (t == 0 ? first : others) += std::sqrt(squares);
        }
        mean += first / (others / (data.columns - 1)) / data.rows;
      }
      // Norms and their mean are sums in f32 of as many terms as there are channels and tokens, whose errors have random signs.
      const double tolerance = (8 + 2 * std::sqrt(static_cast<double>(std::max<std::size_t>(channels, data.columns)))) * 0x1p-24;
      CHECK(std::abs(ratio[state] - mean) <= tolerance * mean);
    }
    if (std::string(name) == "planted") CHECK(ratio[4] > 20 * ratio[3]);  // the spike is the first token's
  }
}

TEST_CASE("norm_ratio: without other tokens there is none") {
  const CheckpointFolder checkpoint(test::tests_folder() / "golden" / "hf" / "planted");
  const EvaluationData data{.rows = 3, .columns = 1, .ids = {1, 2, 3}, .shifted = false, .positions = std::nullopt};
  CHECK_FALSE(measure("norm_ratio", checkpoint, data).find("norm_ratio"));
  const Metrics norms = measure("residual_norms", checkpoint, data);
  CHECK(norms.find("residual_norm_first"));
  CHECK_FALSE(norms.find("residual_norm_rest"));
}
