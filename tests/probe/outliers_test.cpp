// Outlier metrics against their definitions, of the numbers that a dump of the same run has.
#include "ops/statistics/row_moments.h"
#include "small_run.h"
#include "support/quantize_reference.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

double kurtosis_of(const std::vector<double>& x) {
  const double n = static_cast<double>(x.size());
  double mean = 0, squares = 0, fourths = 0;
  for (const double value : x) mean += value / n;
  for (const double value : x) squares += std::pow(value - mean, 2), fourths += std::pow(value - mean, 4);
  return fourths / n / (std::pow(squares / (n - 1), 2) + 1e-6);
}

}  // namespace

TEST_CASE("kurtosis, inf-norm and peak over median are those of the definitions") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings dump;
  const std::vector<std::string> modules = {"layer.0.attn_norm", "block.1",           "layer.0.ffn_norm", "block.2",
                                            "residual.2",        "layer.1.attn_norm", "block.3",          "layer.1.ffn_norm",
                                            "block.4",           "residual.4",        "final_norm"};
  dump.dump = modules;
  for (const std::uint32_t at_once : {0u, 4u}) {
    const Metrics metrics = run.measure("outliers", dump, {}, at_once);
    double average = 0, largest_norm = 0, largest_peak = 0, largest = 0;
    for (std::size_t m = 0; m < modules.size(); ++m) {
      CAPTURE(modules[m]);
      const std::vector<float>& all = run.dumped.at(modules[m]);
      double kurtosis = 0, norm = 0, peak = 0;
      for (std::size_t sequence = 0; sequence < 6; ++sequence) {
        const std::vector<double> x(all.begin() + static_cast<std::ptrdiff_t>(sequence * 288),
                                    all.begin() + static_cast<std::ptrdiff_t>((sequence + 1) * 288));
        kurtosis += kurtosis_of(x) / 6;
        std::vector<double> tokens(12);
        for (std::size_t i = 0; i < x.size(); ++i) tokens[i / 24] = std::max(tokens[i / 24], std::abs(x[i]));
        std::sort(tokens.begin(), tokens.end());
        norm += tokens[11] / 6, peak += tokens[11] / tokens[5] / 6;
      }
      CHECK(list(metrics, "kurtosis_per_hook")[m] == doctest::Approx(kurtosis).epsilon(1e-5));
      CHECK(list(metrics, "inf_norm_per_hook")[m] == doctest::Approx(norm).epsilon(1e-6));
      CHECK(list(metrics, "peak_to_median_per_hook")[m] == doctest::Approx(peak).epsilon(1e-6));
      average += kurtosis / static_cast<double>(modules.size());
      largest = std::max(largest, kurtosis), largest_norm = std::max(largest_norm, norm), largest_peak = std::max(largest_peak, peak);
    }
    CHECK(metrics.number("kurtosis") == doctest::Approx(average).epsilon(1e-5));
    CHECK(metrics.number("excess_kurtosis") == doctest::Approx(average - 3).epsilon(1e-4));
    CHECK(metrics.number("max_kurtosis") == doctest::Approx(largest).epsilon(1e-5));
    CHECK(metrics.number("max_inf_norm") == doctest::Approx(largest_norm).epsilon(1e-6));
    CHECK(metrics.number("peak_to_median") == doctest::Approx(largest_peak).epsilon(1e-6));
  }
}

TEST_CASE("signal to quantization noise, first tokens left out") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings dump;
  dump.dump = {"layer.1.ffn.act"};
  run.measure("norm_ratio", dump);
  Array<double> x({6, 12, 30});
  std::copy(run.dumped.at("layer.1.ffn.act").begin(), run.dumped.at("layer.1.ffn.act").end(), x.data.begin());
  Quantization q{.format = "int4", .granularity = "token", .except_tokens = 2};
  const ReferenceCodes codes = QuantizeReference(x, q, false).run();
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < x.data.size(); ++i)
    if (i / 30 % 12 >= 2) signal += x.data[i] * x.data[i], noise += std::pow(x.data[i] - codes.y.data[i], 2);
  Settings own(parse_toml("at = [\"layer.1.ffn.act\"]\nbits = 4\ngranularity = \"token\"\nexcept_tokens = 2", "own.toml"));
  const auto probe = Probes::find("statistic", "sqnr")(ProbeSettings{}, own);
  Evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.sequences = 4}).run({}, {probe.get()});
  Metrics metrics;
  probe->finish(metrics);
  const double expected = 10 * std::log10(signal / noise);
  CHECK(metrics.number("sqnr") == doctest::Approx(expected).epsilon(1e-5));
  CHECK(metrics.number("sqnr_worst") == doctest::Approx(expected).epsilon(1e-5));
  CHECK(list(metrics, "sqnr_per_hook").size() == 1);
}

TEST_CASE("what quantizing interventions lose is in their row") {
  SmallRun run(SmallRun::small_model());
  Settings settings(parse_toml("[[intervention]]\npreset = \"w4a4\"\n", "x.toml"));
  const auto interventions = InterventionSettings::all(settings);
  const AppliedInterventions applied = apply(interventions, run.weights.config(), {}, run.data.tokens());
  Evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.sequences = 4}).run(applied.hooks, {applied.changes.get()});
  Metrics metrics;
  applied.changes->finish(metrics);
  CHECK(list(metrics, "quantized_sqnr_per_hook").size() == 8);
  CHECK(list(metrics, "quantized_weight_sqnr_per_hook").size() == 14);
  // Four bits of a token's or a row's largest of two dozen normal numbers: about 6 * 4 dB less what its range costs.
  CHECK(metrics.number("quantized_weight_sqnr") > 14);
  CHECK(metrics.number("quantized_weight_sqnr") < 25);
  CHECK(metrics.number("quantized_sqnr_worst") <= metrics.number("quantized_sqnr"));
}
