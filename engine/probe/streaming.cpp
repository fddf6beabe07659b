#include "probe/streaming.h"

#include "base/error.h"
#include "model/config.h"
#include "model/rope.h"
#include "ops/rope.h"

#include <algorithm>

namespace ablate {
namespace {

const SectionRegistration registration{{"streaming", [](Settings& experiment) { StreamingSettings::from(experiment); }}};

// Rows of turns back from a token's own position to that in a full cache.
std::vector<float> turns_back(const Rotation& rotation, std::uint32_t tokens, std::uint32_t cached) {
  const std::size_t half = rotation.frequencies.size();
  const std::vector<float> forth = rope_table(tokens > cached ? tokens - cached : 1, rotation.frequencies);
  std::vector<float> back;
  for (std::uint32_t i = 0; i < tokens; ++i) {
    const auto row = forth.begin() + static_cast<std::ptrdiff_t>(2 * half * (i > cached ? i - cached : 0));
    back.insert(back.end(), row, row + static_cast<std::ptrdiff_t>(half));
    std::transform(row + static_cast<std::ptrdiff_t>(half), row + static_cast<std::ptrdiff_t>(2 * half), std::back_inserter(back),
                   [](float sine) { return -sine; });
  }
  return back;
}

}  // namespace

StreamingSettings StreamingSettings::from(Settings& experiment) {
  StreamingSettings settings;
  const bool given = experiment.has("streaming");
  Settings s = experiment.table({"streaming", "attention as a stream with a cache of fixed size has it"});
  settings.where = s.where("window");
  if (!given) return settings;
  settings.window = s.number({"window", "keys that a query sees, itself included"}, s.get<int>("window"), 1);
  settings.keep_first = s.number({"keep_first", "first tokens that every query sees beside them"}, 0, 0);
  settings.sink_cost = s.get({"sink_cost", "measure what leaving out the first tokens costs"}, false);
  require(!settings.sink_cost || settings.keep_first > 0, "{}: without first keys (streaming.keep_first) there is none",
          s.where("sink_cost"));
  return settings;
}

void StreamingSettings::check(const TransformerConfig& config, std::uint32_t tokens) const {
  if (!on()) return;
  require(
      config.position != Position::learned,
      "{}: model.position = \"learned\": a token's place in the cache changes, and its learned position with it; only a model that is run again for every "
      "token can do that",
      where);
  require(config.attention != "clipped_softmax" || keep_first == 0,
          "{}: model.attention = \"clipped_softmax\": kept first tokens (streaming.keep_first) are known of other kinds of attention only",
          where);
  const auto cached = static_cast<std::uint32_t>(window) + static_cast<std::uint32_t>(keep_first);
  for (int layer = 0; layer < config.n_layers; ++layer) {
    require(rotation(config, layer, tokens) == rotation(config, layer, std::min(tokens, cached + 1)),
            "{}: model.rope_scaling of layer {} turns sequences of {} tokens and a cache of {} in different ways", where, layer, tokens,
            cached);
    const auto own = static_cast<std::uint32_t>(config.sliding_window[layer]);
    const bool hides_some = own > static_cast<std::uint32_t>(window) + 1 && own < cached + 1;
    require(own == 0 || !hides_some, "{}: model.sliding_window of layer {} is {}: it would see some of the {} first keys that are kept",
            where, layer, own, keep_first);
  }
}

void stream(Hooks& hooks, const StreamingSettings& settings, const TransformerConfig& config, std::uint32_t tokens) {
  if (!settings.on()) return;
  settings.check(config, tokens);
  const auto seen = static_cast<std::uint32_t>(settings.window) + 1, first = static_cast<std::uint32_t>(settings.keep_first);
  hooks.attend = [=](Graph& graph, int layer, const Tensor& q, AttentionOptions& options) {
    if (options.window > 0 && options.window <= seen) return;  // the layer's own is all that is left of the cache
    options.window = seen;
    options.keep_first = first;
    if (first == 0 || seen >= q.dim(1)) return;
    const auto channels = static_cast<std::uint32_t>(config.rotated_channels(layer));
    if (channels == 0) {
      options.first_q = q;
      return;
    }
    const std::vector<float> back = turns_back(rotation(config, layer, q.dim(1)), q.dim(1), seen - 1 + first);
    options.first_q = rope(graph, q, options.head_dim, graph.constant("turns back", {q.dim(1), channels}, back));
  };
}

}  // namespace ablate
