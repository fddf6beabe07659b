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
  p.dump = s.get("dump", p.dump);
  p.statistics = s.get("statistics", p.statistics);
  p.every = s.number("every", p.every, 0);
  p.sequences = s.number("sequences", p.sequences, 0);
  p.seq_len = s.number("seq_len", p.seq_len, 0, longest_window);
  p.precision = s.choice("precision", p.precision, {"f32", "f16", "bf16"});
  p.allow_non_finite = s.get("allow_non_finite", p.allow_non_finite);
  p.top_k = s.number("top_k", p.top_k, 1, 8);
  p.sink_epsilon = s.number("sink_epsilon", p.sink_epsilon, 0.0, 1.0);
  p.sink_length = s.number("sink_length", p.sink_length, 1);
  p.sink_sequences = s.number("sink_sequences", p.sink_sequences, 1);
  p.massive_threshold = s.number("massive_threshold", p.massive_threshold, 0.0);
  p.massive_ratio = s.number("massive_ratio", p.massive_ratio, 0.0);
  p.step_share = s.number("step_share", p.step_share, 0.0, 1.0);
  for (const std::string& statistic : p.statistics) s.raw(statistic);  // whoever measures it reads its table
  return p;
}

}  // namespace ablate
