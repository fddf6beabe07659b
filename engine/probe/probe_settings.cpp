#include "probe/probe_settings.h"

#include "probe/probe.h"

namespace ablate {
namespace {

constexpr int longest_window = 1 << 24;  // as model.max_seq_len

const SectionRegistration registration{{"probe", [](Settings& experiment) {
                                          Settings probe = experiment.table("probe");
                                          const ProbeSettings settings = ProbeSettings::from(probe);
                                          std::vector<std::string> names = settings.statistics;  // and those that are always measured
                                          names.insert(names.begin(), {"spikes", "sinks"});
                                          for (const std::string& name : names) {
                                            Settings own = probe.table(name);
                                            Probes::find(probe.where("statistics"), name)(settings, own);
                                          }
                                        }}};

}  // namespace

ProbeSettings ProbeSettings::from(Settings& s) {
  ProbeSettings p;
  p.dump = s.get({"dump", "hook points whose values are written to probes.safetensors; patterns such as residual.* name several"}, p.dump);
  p.statistics = s.get({"statistics", "further statistics, each with its own table [probe.NAME]"}, p.statistics);
  p.every = s.number({"every", "in training, steps between measurements; 0 measures at the end"}, p.every, 0);
  p.sequences = s.number({"sequences", "sequences looked at; 0 takes all there are, or 64 where the source has no end"}, p.sequences, 0);
  p.seq_len = s.number({"seq_len", "tokens of each sequence; 0 takes the source's own width, or 256"}, p.seq_len, 0, longest_window);
  p.precision = s.choice({"precision", "of activations"}, p.precision, {"f32", "f16", "bf16"});
  p.allow_non_finite =
      s.get({"allow_non_finite", "measure although activations are infinite or NaN, and say where they begin; a row fails without it"},
            p.allow_non_finite);
  p.top_k =
      s.number({"top_k", "how many of the largest magnitudes the lists per state and block show; changes no other number"}, p.top_k, 1, 8);
  p.sink_epsilon =
      s.number({"sink_epsilon", "a head has a sink on a sequence when its first token's importance exceeds this (Gu et al. 2025)"},
               p.sink_epsilon, 0.0, 1.0);
  p.sink_length = s.number({"sink_length", "tokens that sequences are cut to for sink_ratio"}, p.sink_length, 1);
  p.sink_sequences = s.number({"sink_sequences", "sequences that sink_ratio looks at"}, p.sink_sequences, 1);
  p.massive_threshold = s.number({"massive_threshold", "an activation is massive when its magnitude exceeds this (Sun et al. 2024)"},
                                 p.massive_threshold, 0.0);
  p.massive_ratio = s.number({"massive_ratio", "and exceeds so many times the median magnitude of its state"}, p.massive_ratio, 0.0);
  p.step_share = s.number({"step_share", "share of the spike that the largest channel of a step-up or step-down block reaches"},
                          p.step_share, 0.0, 1.0);
  s.known_names("statistics", Probes::names());
  for (const std::string& statistic : p.statistics) s.raw(statistic);  // whoever measures it reads its table
  return p;
}

}  // namespace ablate
