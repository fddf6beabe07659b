// A model run over sequences, listened to by a statistic that an experiment file would name.
#pragma once

#include "base/file.h"
#include "base/settings.h"
#include "experiment/toml.h"
#include "model/checkpoint.h"
#include "probe/evaluation.h"
#include "support/device.h"

#include <doctest/doctest.h>

namespace ablate::test {

/// int32 `ids` of (N, T), all of them.
inline EvaluationData ids_of(const SafetensorsFile& file) {
  const TensorView& ids = file.at("ids");
  return {static_cast<std::uint32_t>(ids.shape.at(0)), static_cast<std::uint32_t>(ids.shape.at(1)), ids.integers(), false, std::nullopt};
}

/// What the statistic says of the checkpoint in f32; `own` is its table of settings.
inline Metrics measure(const std::string& statistic, const CheckpointFolder& checkpoint, const EvaluationData& data,
                       const std::string& own = "") {
  Settings settings(parse_toml(own, "own.toml"));
  Weights weights(pipelines().device(), checkpoint.config(), DType::f32, WeightsUse::inference);
  weights.load(checkpoint);
  const auto probe = Probes::find("statistic", statistic)(ProbeSettings{}, settings);
  Evaluator evaluator(pipelines(), weights, DType::f32, data);
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
