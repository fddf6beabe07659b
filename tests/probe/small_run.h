// A small model with weights that tell heads, tokens and channels apart, and sequences for it: statistics of it are compared with the numbers
// that they are taken of, which a dump of the same run has.
#pragma once

#include "anatomy.h"
#include "base/random.h"
#include "model/parameters.h"
#include "probe/dump.h"
#include "probe/interventions.h"
#include "support/temporary_folder.h"

#include <map>

namespace ablate::test {

struct SmallRun {
  explicit SmallRun(const TransformerConfig& config, std::uint32_t sequences = 6, std::uint32_t tokens = 12)
      : weights(pipelines().device(), config, DType::f32, WeightsUse::inference),
        data{.rows = sequences, .columns = tokens, .ids = {}, .shifted = false, .positions = std::nullopt} {
    weights.initialize("paper", 7);
    const CounterRandom random(3, "small run");
    std::uint64_t drawn = 0;
    for (const ParameterSpec& spec : parameters(config)) {
      if (spec.shape.size() < 2) continue;
      std::vector<float> values = weights.read(spec.name);
      for (float& value : values) value = 0.4f * static_cast<float>(random.normal(drawn++));
      weights.write(spec.name, values);
    }
    for (std::uint32_t i = 0; i < sequences * tokens; ++i)
      data.ids.push_back(static_cast<std::int32_t>(random.below(drawn++, static_cast<std::uint64_t>(config.vocab_size))));
  }

  static TransformerConfig small_model() {
    TransformerConfig config;
    config.d_model = 24, config.n_layers = 2, config.n_heads = 4, config.n_kv_heads = 2, config.head_dim = 6, config.d_ffn = 30;
    config.vocab_size = 40;
    return config;
  }

  /// The hooks of [[intervention]] tables.
  Hooks edited(const std::vector<std::string>& tables) const {
    std::vector<InterventionSettings> interventions;
    for (const std::string& table : tables) {
      Settings settings(parse_toml(table, "x.toml"));
      interventions.push_back(InterventionSettings::from(settings));
    }
    return apply(interventions, weights.config(), {}, data.tokens()).hooks;
  }

  /// What the statistic says, of so many sequences at once (0: of all), and below `dumped` what the hook points of settings.dump held.
  Metrics measure(const std::string& statistic, const ProbeSettings& settings = {}, const Hooks& hooks = {}, std::uint32_t at_once = 0) {
    Settings own(parse_toml("", "own.toml"));
    const auto probe = Probes::find("statistic", statistic)(settings, own);
    DumpProbe dump(settings);
    std::vector<Probe*> listeners = {probe.get()};
    if (!settings.dump.empty()) listeners.push_back(&dump);
    Evaluator(pipelines(), weights, DType::f32, data, nullptr, {.sequences = at_once ? at_once : data.rows}).run(hooks, listeners);
    Metrics metrics;
    probe->finish(metrics);
    if (settings.dump.empty()) return metrics;
    const TemporaryFolder folder;
    dump.write(folder.path());
    const SafetensorsFile file(folder / "probes.safetensors");
    for (const std::string& name : file.names()) dumped[name] = file.at(name).floats();
    return metrics;
  }

  Weights weights;
  EvaluationData data;
  std::map<std::string, std::vector<float>> dumped{};
};

}  // namespace ablate::test
