// The planted model run over sequences of its own vocabulary, listened to by statistics that an experiment file would name.
#pragma once

#include "base/settings.h"
#include "probe/evaluation.h"
#include "support/device.h"
#include "model/planted.h"

#include <doctest/doctest.h>

namespace ablate::test {

inline Settings empty_settings() { return Settings(Value{Value::Table{}, "test"}); }

/// 6 sequences of 24 tokens; the first is the beginning-of-sequence token.
inline EvaluationData planted_data(const TransformerConfig& config) {
  EvaluationData data{.rows = 6, .columns = 24, .ids = {}, .shifted = false, .positions = std::nullopt};
  for (std::uint32_t i = 0; i < data.rows * data.columns; ++i)
    data.ids.push_back(i % data.columns == 0 ? *config.bos_token_id : static_cast<int>(10 + i * 7 % 250));
  return data;
}

/// What the statistic says of the planted model.
inline Metrics measure_planted(const std::string& statistic, const EvaluationData* data = nullptr) {
  Settings settings = empty_settings(), own = empty_settings();
  const PlantedModel model = PlantedModel::from(settings);
  Weights weights(pipelines().device(), model.config, DType::f32, WeightsUse::inference);
  model.fill(weights);
  const auto probe = Probes::find("statistic", statistic)(ProbeSettings{}, own);
  Evaluator evaluator(pipelines(), weights, DType::f32, data ? *data : planted_data(model.config));
  evaluator.run({}, {probe.get()});
  Metrics metrics;
  probe->finish(metrics);
  return metrics;
}

inline std::vector<double> list(const Metrics& metrics, const char* name) {
  const Metric* found = metrics.find(name);
  REQUIRE_MESSAGE(found, name);
  return std::get<std::vector<double>>(*found);
}

inline std::vector<std::vector<double>> table(const Metrics& metrics, const char* name) {
  const Metric* found = metrics.find(name);
  REQUIRE_MESSAGE(found, name);
  return std::get<std::vector<std::vector<double>>>(*found);
}

}  // namespace ablate::test
