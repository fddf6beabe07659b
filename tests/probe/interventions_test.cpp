// Every intervention at every hook point with every selector: what is accepted happens as in a forward pass by its definition, and what is not
// accepted is refused with the key named. The hook points come from the models, the actions from their rules: a new one is covered when it is there.
#include "probe/interventions.h"
#include "edited_models.h"
#include "forward_reference.h"
#include "small_run.h"
#include "support/device.h"
#include "support/quantize_reference.h"
#include "support/temporary_folder.h"

#include "base/settings.h"
#include "experiment/toml.h"
#include "graph/executor.h"
#include "model/transformer.h"
#include "probe/evaluation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

using namespace ablate;
using namespace ablate::test;

namespace {

// --- What a selector means, by the words of docs/experiments.md ---

struct Selector {
  std::string keys;  ///< as in the file
  std::vector<std::size_t> channels{}, tokens{}, heads{};
  bool largest = false, spike = false;
};

const std::vector<Selector> selectors = {
    {""},
    {"channels = [3, 1]", {3, 1}},
    {"channels = \"spike\"", {2, 0}, {}, {}, false, true},
    {"tokens = [1, 3]", {}, {1, 3}},
    {"tokens = 2", {}, {2}},
    {"tokens = \"spike\"", {}, {2}},
    {"tokens = \"largest\"", {}, {}, {}, true},
    {"heads = [1]", {}, {}, {1}},
    {"heads = [0, 1]\ntokens = [1, 3]", {}, {1, 3}, {0, 1}},
    {"channels = [3, 1]\ntokens = [1, 3]", {3, 1}, {1, 3}},
    {"channels = [1]\ntokens = \"largest\"", {1}, {}, {}, true},
    {"channels = [1]\nheads = [1]", {1}, {}, {1}},
};

SpikeProbe::Spike planted_spike() { return {.value = 1, .token = 2, .channels = {2, 0}}; }

template <class List>
bool chosen(const List& list, std::size_t i) {
  return list.empty() || std::find(list.begin(), list.end(), i) != list.end();
}

/// Which entries of a hook point's tensor it selects.
std::vector<bool> selected(const Selector& s, const Hook& hook, const Numbers& x) {
  std::vector<bool> mask(x.data.size());
  const std::size_t width = x.shape[2], time = x.shape[1], per_head = hook.heads ? width / hook.heads : 1;
  for (std::size_t b = 0; b < x.shape[0]; ++b) {
    const double* at = &x.data[b * time * width];
    const auto by_size = [](double p, double q) { return std::abs(p) < std::abs(q); };
    const std::size_t largest = static_cast<std::size_t>(std::max_element(at, at + time * width, by_size) - at) / width;
    for (std::size_t t = 0; t < time; ++t)
      for (std::size_t c = 0; c < width; ++c)
        mask[(b * time + t) * width + c] =
            (s.largest ? t == largest : chosen(s.tokens, t)) && chosen(s.channels, c) && (s.heads.empty() || chosen(s.heads, c / per_head));
  }
  return mask;
}

/// Keys that an action needs besides its selector.
struct Action {
  std::string name, keys;
};
std::vector<Action> actions_of(const ActionRule& rule, const std::string& means, std::size_t channels) {
  const std::string name(rule.name), statistics = "statistics = \"" + means + "\"";
  if (name == "scale") return {{name, "value = 1.5"}};
  if (name == "clamp") return {{name, "value = 0.02"}};
  if (name == "norm") return {{name, "value = \"rmsnorm\""}, {name, "value = \"layernorm\""}, {name, "value = \"dyt\""}};
  if (name == "mean") return {{name, ""}, {name, statistics}};
  if (name == "quantize") return {{name, "bits = 4\ngranularity = \"token\""}};
  if (name != "set" && name != "project_out") return {{name, ""}};
  std::string list;
  for (std::size_t i = 0; i < channels; ++i)
    list += (i ? ", " : "") + std::to_string(i % 3 == 0 ? -0.5 : 0.25 * static_cast<double>(i % 4));
  return {{name, "value = [" + list + "]"}, {name, statistics}};
}

/// Means by definition: over sequences, (T, C).
using Means = std::map<std::string, Numbers>;
Means means_of(const ForwardReference& reference, const Array<std::int32_t>& ids) {
  Means means;
  ReferenceHooks hooks;
  hooks.at = [&](const Hook& hook, Numbers& x) {
    if (hook.site == Site::probs) return;
    Numbers &mean = means[hook.name()] = Numbers({x.shape[1], x.shape[2]}),
            &largest = means[hook.name() + ".largest"] = Numbers({1, x.shape[2]});
    const std::vector<bool> mask = selected({.keys = "", .largest = true}, hook, x);
    for (std::size_t i = 0; i < x.data.size(); ++i) {
      mean.data[i % mean.data.size()] += x.data[i] / x.shape[0];
      if (mask[i]) largest.data[i % x.shape[2]] += x.data[i] / x.shape[0];
    }
  };
  reference.losses(ids, hooks);
  return means;
}

double average(const Numbers& mean, std::size_t channel) {
  double sum = 0;
  for (std::size_t t = 0; t < mean.shape[0]; ++t) sum += mean(t, channel) / mean.shape[0];
  return sum;
}

/// What an action does to a hook point's tensor, by definition.
void act(const InterventionSettings& in, const Selector& s, const Hook& hook, Numbers& x, const Means& means) {
  if (in.quantization) {
    x = QuantizeReference(x, in.quantization->quantization, false).run().y;
    return;
  }
  const std::vector<bool> mask = selected(s, hook, x);
  const Numbers* mean = in.uses_means() ? &means.at(hook.name() + (s.largest ? ".largest" : "")) : nullptr;
  const std::size_t width = x.shape[2], time = x.shape[1];
  std::vector<std::size_t> order = s.channels;  // the channels that the values of a list belong to
  const std::size_t per_head = hook.heads ? width / hook.heads : 1;
  for (const std::size_t head : s.heads)
    for (std::size_t c = 0; c < per_head; ++c) order.push_back(head * per_head + c);
  const auto value = [&](std::size_t channel) {
    if (in.value.size() == 1) return in.value[0];
    const auto found = std::find(order.begin(), order.end(), channel);
    return in.value[order.empty() ? channel : static_cast<std::size_t>(found - order.begin())];
  };
  if (in.action == "project_out") {
    std::vector<double> direction(width);
    double squares = 0;
    for (std::size_t c = 0; c < width; ++c)
      if (chosen(order, c)) direction[c] = mean ? average(*mean, c) : value(c), squares += direction[c] * direction[c];
    for (std::size_t row = 0; row < x.shape[0] * time; ++row) {
      if (!chosen(s.tokens, row % time)) continue;
      double along = 0;
      for (std::size_t c = 0; c < width; ++c) along += x.data[row * width + c] * direction[c];
      for (std::size_t c = 0; c < width; ++c) x.data[row * width + c] -= along * direction[c] / squares;
    }
    return;
  }
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    if (!mask[i]) continue;
    double& y = x.data[i];
    const std::size_t c = i % width, t = i / width % time;
    if (mean) y = s.largest ? (*mean)(0, c) : s.tokens.empty() ? average(*mean, c) : (*mean)(t, c);
    else if (in.action == "scale") y *= in.value[0];
    else if (in.action == "set") y = value(c);
    else if (in.action == "clamp") y = std::clamp(y, -in.value[0], in.value[0]);
    else y = 0;  // zero, skip
  }
}

// --- One intervention, both ways ---

struct Expected {
  std::vector<double> losses;
  std::uint64_t changed = 0;
};

Expected expect(const ForwardReference& reference, const Array<std::int32_t>& ids, const InterventionSettings& in, const Selector& s,
                const Hook& place, const Means& means) {
  Expected expected;
  ReferenceHooks hooks;
  const std::string name = place.name();
  const auto count = [&](const Numbers& before, const Numbers& after) {
    for (std::size_t i = 0; i < before.data.size(); ++i) expected.changed += before.data[i] != after.data[i];
  };
  if (in.action == "norm") {
    hooks.norm = [&](const Hook& hook, const std::string& kind) { return hook.name() == name ? in.name : kind; };
    Numbers before;
    ReferenceHooks intact;
    intact.at = [&](const Hook& hook, Numbers& x) {
      if (hook.name() == name) before = x;
    };
    reference.losses(ids, intact);
    hooks.at = [&, before](const Hook& hook, Numbers& x) {
      if (hook.name() == name) count(before, x);
    };
  } else if (in.action == "mask_key") {
    hooks.masked = [&](const Hook& hook, std::size_t head, std::size_t key) {
      return hook.name() == name && chosen(s.heads, head) && chosen(s.tokens, key);
    };
    ReferenceHooks intact;  // counted: the weights that are 0 now
    intact.at = [&](const Hook& hook, Numbers& map) {
      if (hook.name() != name) return;
      for (std::size_t i = 0; i < map.data.size(); ++i) {
        const std::size_t key = i % tokens, query = i / tokens % tokens, head = i / tokens / tokens % hook.heads;
        expected.changed += key < query && chosen(s.heads, head) && chosen(s.tokens, key) && map.data[i] != 0;
      }
    };
    reference.losses(ids, intact);
  } else {
    hooks.at = [&](const Hook& hook, Numbers& x) {
      if (hook.name() != name) return;
      const Numbers before = x;
      act(in, s, hook, x, means);
      count(before, x);
    };
  }
  expected.losses = reference.losses(ids, hooks);
  return expected;
}

/// Many forward passes in one graph, each with an intervention of its own.
class Engine {
 public:
  Engine(const Weights& weights, const Array<std::int32_t>& ids)
      : weights_(weights), ids_(ids), graph_(pipelines().device().caps()), parameters_(graph_, weights) {
    input_ = graph_.input("ids", {rows, tokens}, DType::i32);
    targets_ = graph_.input("targets", {rows * tokens}, DType::i32);
  }

  void add(const AppliedInterventions& applied) {
    Transformer model(graph_, parameters_, tokens, applied.hooks, DType::f32);
    losses_.push_back(graph_.keep(model.losses(model.hidden(input_), targets_, 1 << 20)));
    changes_.push_back(applied.changes);
  }

  struct Seen {
    std::vector<float> losses;
    std::uint64_t changed;
  };
  std::vector<Seen> run() {
    Executor executor(pipelines(), graph_);
    executor.write_ints(input_, ids_.data);
    std::vector<std::int32_t> targets;  // as in the reference
    for (std::uint32_t row = 0; row < rows; ++row)
      for (std::uint32_t t = 0; t < tokens; ++t) targets.push_back(ids_(row, (t + 1) % tokens));
    executor.write_ints(targets_, targets);
    executor.run();
    std::vector<Seen> seen;
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      changes_[i]->collect(executor, {0, rows, tokens, ids_.data.data(), targets.data()});
      seen.push_back({executor.read_floats(losses_[i]), changes_[i]->total()});
    }
    return seen;
  }

 private:
  const Weights& weights_;
  const Array<std::int32_t>& ids_;
  Graph graph_;
  ParameterTensors parameters_;
  Tensor input_, targets_;
  std::vector<Tensor> losses_;
  std::vector<std::shared_ptr<Changes>> changes_;
};

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (const double difference = std::abs(a[i] - b[i]); !(difference <= worst)) worst = difference;
  return worst;
}

/// Losses of a few nats from logits of size 10, which four products of a dozen f32 terms each lie behind: 10 * 4 * sqrt(12) * 6e-8 = 8e-6, and twice
/// that for what norms and exponentials make of it.
constexpr double tolerance = 2e-5;

/// Which of a table's combinations the hook point takes, from its shape and the action's rule alone: the key that is in the way, or none.
std::string key_in_the_way(const ActionRule& rule, const Selector& s, const Hook& hook) {
  const auto has = [&](const char* key) { return s.keys.find(key) != std::string::npos; };
  const bool masks = rule.name == "mask_key", probs = hook.site == Site::probs;
  if (has("channels") && !rule.channels) return "channels";
  if (has("tokens") && !rule.tokens) return "tokens";
  if (has("heads") && !rule.heads) return "heads";
  if (s.largest && !rule.largest) return "tokens";
  if (has("channels") && has("heads")) return "heads";
  if (masks && !has("tokens")) return "tokens";
  if (masks != probs) return "at";
  if (rule.name == "skip" && hook.site != Site::block) return "at";
  if (rule.name == "norm" && !((hook.site == Site::input_norm || hook.site == Site::final_norm) && hook.input_has_norm)) return "at";
  if (has("tokens") && !hook.every_token) return "tokens";
  if (has("heads") && hook.heads == 0) return "heads";
  if (s.spike && !hook.in_residual_channels()) return "channels";
  return "";
}

std::size_t channels_selected(const Selector& s, const Hook& hook) {
  if (!s.heads.empty() && hook.heads > 0) return s.heads.size() * (hook.channels / hook.heads);
  return s.channels.empty() ? std::max(1u, hook.channels) : s.channels.size();
}

/// A norm of the kind that is there; means of what is the same for all sequences, position by position, or everywhere: accepted, and nothing to see.
bool changes_nothing(const TransformerConfig& config, const InterventionSettings& in, const Selector& s, const Hook& hook) {
  if (in.action == "norm") return in.name == (hook.site == Site::final_norm ? config.final_norm_kind() : config.norm);
  const bool by_position = s.largest || !s.tokens.empty();
  return in.uses_means() && in.action != "project_out" && !hook.every_sequence && (by_position || !hook.every_token);
}

/// What no loss shows: the size of what a norm divides by its size, unless a bias is added in between. Of what tokens mix, if it is all of them.
bool is_hidden_by_norm(const TransformerConfig& config, const InterventionSettings& in, const Selector& s, const Hook& hook) {
  if (in.action != "scale" || !s.channels.empty() || !s.heads.empty()) return false;
  if (hook.residual() == config.states() - 1) return config.final_norm_kind() != "dyt" && config.final_norm_kind() != "none";
  const bool every_token = s.tokens.empty() && !s.largest;
  const bool in_layer =
      hook.site != Site::residual && hook.site != Site::block && hook.site != Site::final_norm && hook.site != Site::logits;
  if (in_layer && !hook.second && !config.attends(hook.index))  // a state takes as much of q, and as much of all v, and a norm follows
    return hook.site == Site::q || (hook.site == Site::v && every_token);
  if (!config.output_norm || config.norm == "dyt") return false;
  const bool normed_keys = hook.site == Site::input_norm && !hook.second && config.qk_norm != QkNorm::none && config.gate == "none";
  if (normed_keys || hook.site == Site::v) return every_token && !config.qkv_bias && !config.o_bias;
  if (hook.site == Site::heads_out) return !config.o_bias;
  return (hook.site == Site::ffn_act || hook.site == Site::ffn_up) && !config.ffn_bias;
}

void check_hook(const Subject& subject, const Weights& weights, const Hook& hook, const Means& means, const IntactModel& intact,
                const std::string& means_file) {
  const TransformerConfig& config = weights.config();
  const Array<std::int32_t> ids = make_ids(config);
  const ForwardReference reference(weights);
  const std::vector<double> untouched = reference.losses(ids, {});
  Engine engine(weights, ids);
  struct Case {
    std::string text;
    Expected expected;
    bool nothing, hidden;
  };
  std::vector<Case> cases;
  for (const ActionRule& rule : action_rules())
    for (const Selector& s : selectors)
      for (const Action& action : actions_of(rule, means_file, channels_selected(s, hook))) {
        const std::string text =
            "at = \"" + hook.name() + "\"\ndo = \"" + action.name + "\"\n" + action.keys + (action.keys.empty() ? "" : "\n") + s.keys;
        CAPTURE(subject.name);
        CAPTURE(text);
        const std::string in_the_way = key_in_the_way(rule, s, hook);
        Settings settings(parse_toml(text, "x.toml"));
        if (!in_the_way.empty()) {
          std::string message;
          try {
            apply({InterventionSettings::from(settings)}, config, intact, tokens);
          } catch (const InputError& error) {
            message = error.what();
          }
          CHECK_MESSAGE(message.find(in_the_way) != std::string::npos, message);
          CHECK_MESSAGE(message.starts_with("x.toml:"), message);
          continue;
        }
        const InterventionSettings in = InterventionSettings::from(settings);
        check_interventions({in}, config, tokens);
        engine.add(apply({in}, config, intact, tokens));
        cases.push_back({text, expect(reference, ids, in, s, hook, means), changes_nothing(config, in, s, hook),
                         is_hidden_by_norm(config, in, s, hook)});
      }
  REQUIRE(!cases.empty());
  const auto seen = engine.run();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(subject.name);
    CAPTURE(cases[i].text);
    const Expected& expected = cases[i].expected;
    CHECK(largest_difference(expected.losses, {seen[i].losses.begin(), seen[i].losses.end()}) <= tolerance);
    if (cases[i].nothing) {
      CHECK(largest_difference(expected.losses, untouched) <= tolerance);
      continue;
    }
    // A token's largest elements, of either sign, may be what their codes stand for, or miss that by a rounding.
    const std::uint64_t by_chance = cases[i].text.find("quantize") == std::string::npos ? 0 : 2 * rows * tokens;
    CHECK(seen[i].changed <= expected.changed + by_chance);
    CHECK(expected.changed <= seen[i].changed + by_chance);
    CHECK(expected.changed > 0);
    if (!cases[i].hidden) CHECK(largest_difference(expected.losses, untouched) > 5 * tolerance);
  }
}

std::string recorded(const Weights& weights, const std::filesystem::path& folder, IntactModel& intact) {
  const TransformerConfig& config = weights.config();
  const Array<std::int32_t> ids = make_ids(config);
  std::vector<std::string> names;
  for (const Hook& hook : hook_points(config))
    if (hook.site != Site::probs) names.push_back(hook.name());
  MeansProbe means(names, "test", ProbeSettings{});
  Evaluator(pipelines(), weights, DType::f32,
            {.rows = rows, .columns = tokens, .ids = ids.data, .shifted = false, .positions = std::nullopt})
      .run({}, {&means});
  means.write(folder);
  intact = {.spike = planted_spike(), .step_up_blocks = {2}, .step_down_blocks = {1}, .means = means.means()};
  return (folder / "means.safetensors").string();
}

}  // namespace

TEST_CASE("every intervention that is accepted happens, every other is refused") {
  for (const Subject& subject : subjects) {
    if (!subject.shows_each_change) continue;
    const TransformerConfig config = config_of(subject.model);
    const Weights weights = weights_of(config);
    const Means means = means_of(ForwardReference(weights), make_ids(config));
    const TemporaryFolder folder;
    IntactModel intact;
    const std::string file = recorded(weights, folder.path(), intact);
    for (const auto& [name, mean] : means) {
      CAPTURE(name);
      REQUIRE(intact.means.at(name).values.size() == mean.data.size());
      for (std::size_t i = 0; i < mean.data.size(); ++i)
        CHECK(intact.means.at(name).values[i] == doctest::Approx(mean.data[i]).epsilon(1e-4).scale(1));
    }
    for (const Hook& hook : hook_points(config)) check_hook(subject, weights, hook, means, intact, file);
  }
}

TEST_CASE("hook points are what the forward pass passes by") {
  std::vector<std::string> models;
  for (const Subject& subject : subjects) models.push_back(subject.model);
  for (const char* ffn : {"swiglu", "gelu", "relu", "linear", "attention", "none"})
    for (const char* gate : {"none", "channel", "head", "token"})
      for (const char* input : {"hidden", "embedding", "constant", "position"})
        if (std::string(gate) != "none" || std::string(input) == "hidden")
          models.push_back(std::string("n_layers = 2\nffn = \"") + ffn + "\"\ngate = \"" + gate + "\"\ngate_input = \"" + input + "\"");
  for (const std::string& model : models) {
    CAPTURE(model);
    const TransformerConfig config = config_of(model);
    const Weights weights(pipelines().device(), config, DType::f32, WeightsUse::inference, false);
    Graph graph(pipelines().device().caps());
    ParameterTensors parameters(graph, weights);
    std::vector<std::string> passed;
    Hooks hooks;
    hooks.at = [&](Graph&, const Hook& hook, const Tensor& x) {
      CAPTURE(hook.name());
      CHECK(x.shape == Shape{hook.every_sequence ? rows : 1, hook.every_token ? tokens : 1, hook.channels});
      if (hook.heads > 0) CHECK(hook.channels % hook.heads == 0);
      passed.push_back(hook.name());
      return x;
    };
    hooks.attention = [&](Graph&, const AttentionCall& call) { passed.push_back(call.probs.name()); };
    Transformer transformer(graph, parameters, tokens, hooks, DType::f32);
    transformer.logits(transformer.hidden(graph.input("ids", {rows, tokens}, DType::i32)));
    std::vector<std::string> listed;
    for (const Hook& hook : hook_points(config)) listed.push_back(hook.name());
    CHECK(passed.size() == listed.size());
    CHECK(std::set<std::string>(passed.begin(), passed.end()) == std::set<std::string>(listed.begin(), listed.end()));
  }
}

TEST_CASE("the spike's channels for an edit are all of them, whatever is listed") {
  TransformerConfig config = config_of(subjects[0].model);
  const Weights weights = weights_of(config);
  const Array<std::int32_t> ids = make_ids(config);
  SpikeProbe place(ProbeSettings{});
  const EvaluationData data{.rows = rows, .columns = tokens, .ids = ids.data, .shifted = false, .positions = std::nullopt};
  Evaluator(pipelines(), weights, DType::f32, data).run({}, {&place});
  double spike = 0;
  std::size_t token = 0;
  std::vector<double> row;
  ReferenceHooks hooks;
  hooks.at = [&](const Hook& hook, Numbers& x) {
    if (hook.residual() < 0) return;
    for (std::size_t i = 0; i < x.data.size(); ++i)
      if (std::abs(x.data[i]) > spike) {
        spike = std::abs(x.data[i]), token = i / 12 % tokens;
        const auto from = x.data.begin() + static_cast<std::ptrdiff_t>(i / 12 * 12);
        row.assign(from, from + 12);
      }
  };
  ForwardReference(weights).losses(ids, hooks);
  std::set<int> channels;
  for (std::size_t c = 0; c < 12; ++c)
    if (std::abs(row[c]) >= 0.1 * spike) channels.insert(static_cast<int>(c));
  REQUIRE(channels.size() > static_cast<std::size_t>(ProbeSettings{}.top_k));
  CHECK(std::set<int>(place.spike().channels.begin(), place.spike().channels.end()) == channels);
  CHECK(place.spike().token == static_cast<int>(token));
  CHECK(static_cast<double>(place.spike().value) == doctest::Approx(spike).epsilon(1e-5));
}

TEST_CASE("statistics of a hook point have its numbers, or are refused") {
  const TransformerConfig config = config_of(subjects[0].model);
  MeansProbe logits({"logits"}, "x.toml:1: at", ProbeSettings{});
  CHECK(logits.wants_logits());
  MeansProbe probs({"attn.probs"}, "x.toml:1: at", ProbeSettings{}), both({"step_up", "attn.probs"}, "x.toml:1: at", ProbeSettings{});
  CHECK_THROWS_WITH_AS(probs.begin(config, 1, tokens), doctest::Contains("x.toml:1: at"), InputError);
  CHECK_THROWS_AS(both.begin(config, 1, tokens), InputError);
}

TEST_CASE("what all sequences share is counted once, however many run at once") {
  TransformerConfig config = SmallRun::small_model();
  config.gate = "head", config.gate_input = GateInput::constant;
  SmallRun run(config);
  for (const std::uint32_t at_once : {1u, 2u, 6u}) {
    CAPTURE(at_once);
    Settings settings(parse_toml("at = \"layer.1.attn.gate\"\ndo = \"set\"\nvalue = 3.5", "x.toml"));
    const AppliedInterventions applied = apply({InterventionSettings::from(settings)}, config, {}, run.data.tokens());
    Evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.sequences = at_once}).run(applied.hooks, {applied.changes.get()});
    CHECK(applied.changes->total() == 4);  // a logit per head
  }
}

TEST_CASE("a norm is exchanged where there is one") {
  TransformerConfig bare = SmallRun::small_model();
  bare.final_norm = "none";
  CHECK_THROWS_WITH_AS(SmallRun(bare).edited({"do = \"norm\"\nvalue = \"layernorm\"\nat = \"final_norm\""}),
                       doctest::Contains("this model has no norm at final_norm"), InputError);
  for (const bool attention : {false, true}) {
    TransformerConfig config = SmallRun::small_model();
    (attention ? config.attn_input_norm : config.ffn_input_norm) = false;
    const SmallRun run(config);
    const std::string norm = "do = \"norm\"\nvalue = \"layernorm\"\nat = ",
                      with = attention ? "\"layer.0.ffn_norm\"" : "\"layer.0.attn_norm\"",
                      without = attention ? "\"layer.0.attn_norm\"" : "\"layer.0.ffn_norm\"";
    CHECK_NOTHROW(run.edited({norm + with}));
    CHECK_THROWS_WITH_AS(run.edited({norm + without}), doctest::Contains("this model has no norm at"), InputError);
  }
}
