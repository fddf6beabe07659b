// What the statistics say of models of every shape that architectures have, against their definitions on a forward pass in double precision.
#include "anatomy.h"
#include "edited_models.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

using namespace ablate;
using namespace ablate::test;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// Hook points of the definition's forward pass, by name.
using Seen = std::map<std::string, Numbers>;

Seen look(const Weights& weights, const Array<std::int32_t>& ids) {
  Seen seen;
  ReferenceHooks hooks;
  hooks.at = [&](const Hook& hook, Numbers& x) { seen[hook.name()] = x; };
  ForwardReference(weights).losses(ids, hooks);
  return seen;
}

struct Case {
  explicit Case(const Subject& subject)
      : config(config_of(subject.model)), weights(weights_of(config)), ids(make_ids(config)), seen(look(weights, ids)) {}

  Metrics measure(const std::string& statistic, const ProbeSettings& settings = {}) const {
    Settings own(parse_toml("", "own.toml"));
    const auto probe = Probes::find("statistic", statistic)(settings, own);
    const EvaluationData data{.rows = rows, .columns = tokens, .ids = ids.data, .shifted = false, .positions = std::nullopt};
    Evaluator(pipelines(), weights, DType::f32, data).run({}, {probe.get()});
    Metrics metrics;
    probe->finish(metrics);
    notes = probe->notes();
    return metrics;
  }
  const Numbers& state(int i) const { return seen.at("residual." + std::to_string(i)); }
  const Numbers& block(int i) const { return seen.at("block." + std::to_string(i)); }
  /// Attention weights of a layer's block, (B, H, T, T); null where there are none.
  const Numbers* map(int layer, const char* part) const {
    const auto found = seen.find("layer." + std::to_string(layer) + "." + part + ".probs");
    return found == seen.end() ? nullptr : &found->second;
  }

  TransformerConfig config;
  Weights weights;
  Array<std::int32_t> ids;
  Seen seen;
  mutable std::vector<std::string> notes{};
};

double largest(const Numbers& x) {
  double most = 0;
  for (const double value : x.data) most = std::max(most, std::abs(value));
  return most;
}

// What engine and definition differ by: see interventions_test.cpp.
void close(double found, double expected) {
  CHECK(std::isnan(found) == std::isnan(expected));
  if (!std::isnan(expected)) CHECK(std::abs(found - expected) <= 2e-5 * std::max(1.0, std::abs(expected)));
}

void close(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) close(found[i], expected[i]);
}

/// Step-up and step-down blocks by the rule of docs/anatomy.md.
std::array<std::vector<double>, 2> steps(const Case& c, double spike) {
  std::array<std::vector<double>, 2> found;
  const int per_state = c.config.blocks_per_state();
  for (int block = 1; block <= c.config.blocks(); ++block) {
    const int after = (block + per_state - 1) / per_state;
    bool up = false, down = false;
    const std::size_t each = c.block(block).data.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto first = c.block(block).data.begin() + static_cast<std::ptrdiff_t>(row * each);
      const auto top =
          std::max_element(first, first + static_cast<std::ptrdiff_t>(each), [](double a, double b) { return std::abs(a) < std::abs(b); });
      const auto at = static_cast<std::size_t>(top - c.block(block).data.begin());
      if (std::abs(*top) < 0.5 * spike) continue;
      (std::abs(c.state(after).data[at]) > std::abs(c.state(after - 1).data[at]) ? up : down) = true;
    }
    if (up) found[0].push_back(block);
    if (down) found[1].push_back(block);
  }
  return found;
}

void check_spikes(const Case& c) {
  const Metrics metrics = c.measure("spikes");
  std::vector<double> per_state, per_block;
  for (int i = 0; i < c.config.states(); ++i) per_state.push_back(largest(c.state(i)));
  for (int i = 1; i <= c.config.blocks(); ++i) per_block.push_back(largest(c.block(i)));
  const auto most = std::max_element(per_state.begin(), per_state.end());
  close(list(metrics, "spike_per_state"), per_state);
  close(list(metrics, "block_top"), per_block);
  close(metrics.number("spike"), *most);
  double after_layers = 0;
  const int per_layer = (c.config.states() - 1) / c.config.n_layers;
  for (int layer = 1; layer <= c.config.n_layers; ++layer)
    after_layers = std::max(after_layers, per_state.at(static_cast<std::size_t>(layer * per_layer)));
  close(metrics.number("spike_after_layers"), after_layers);
  CHECK(metrics.number("spike_state") == static_cast<double>(most - per_state.begin()));
  const auto [up, down] = steps(c, *most);
  CHECK(list(metrics, "step_up_blocks") == up);
  CHECK(list(metrics, "step_down_blocks") == down);
}

double norm(const Numbers& x, std::size_t row) {
  double squares = 0;
  for (std::size_t c = 0; c < x.shape[2]; ++c) squares += x.data[row * x.shape[2] + c] * x.data[row * x.shape[2] + c];
  return std::sqrt(squares);
}

void check_norm_ratio(const Case& c) {
  std::vector<double> ratios;
  for (int i = 0; i < c.config.states(); ++i) {
    double mean = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      double others = 0;
      for (std::size_t t = 1; t < tokens; ++t) others += norm(c.state(i), row * tokens + t) / (tokens - 1);
      mean += norm(c.state(i), row * tokens) / others / rows;
    }
    ratios.push_back(mean);
  }
  close(list(c.measure("norm_ratio"), "norm_ratio"), ratios);
}

void check_massive(const Case& c) {
  ProbeSettings settings;
  settings.massive_threshold = 1, settings.massive_ratio = 2.5;
  const Metrics metrics = c.measure("massive", settings);
  std::vector<double> medians, counts, tokens_with_any, own_counts, state_ratios, token_ratios;
  for (int i = 0; i < c.config.states(); ++i) {
    for (auto* one : {&medians, &counts, &tokens_with_any, &own_counts, &state_ratios, &token_ratios}) one->push_back(0);
    const std::size_t each = c.state(i).data.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      std::vector<double> sizes;
      for (std::size_t k = 0; k < each; ++k) sizes.push_back(std::abs(c.state(i).data[row * each + k]));
      std::vector<double> sorted = sizes;
      std::sort(sorted.begin(), sorted.end());
      const double median = sorted[(each - 1) / 2];
      medians.back() += median / rows;
      for (const double size : sizes) counts.back() += size > 1 && size >= 2.5 * median;
      state_ratios.back() = std::max(state_ratios.back(), sorted.back() / median);
      for (auto token = sizes.begin(); token != sizes.end(); token += each / tokens) {
        std::vector<double> own(token, token + each / tokens);
        std::sort(own.begin(), own.end());
        const double most = own.back(), own_median = own[(own.size() - 1) / 2];
        tokens_with_any.back() += most > 1 && most >= 2.5 * median;
        own_counts.back() += most > 1 && most >= 2.5 * own_median;
        token_ratios.back() = std::max(token_ratios.back(), most / own_median);
      }
    }
  }
  close(list(metrics, "median_per_state"), medians);
  CHECK(list(metrics, "massive_per_state") == counts);
  close(list(metrics, "state_ratio_per_state"), state_ratios);
  close(list(metrics, "token_ratio_per_state"), token_ratios);
  CHECK(list(metrics, "massive_tokens_per_state") == tokens_with_any);
  CHECK(list(metrics, "token_massive_per_state") == own_counts);
  close(metrics.number("state_ratio"), *std::max_element(state_ratios.begin(), state_ratios.end()));
  close(metrics.number("token_ratio"), *std::max_element(token_ratios.begin(), token_ratios.end()));
  CHECK(metrics.number("token_massive") == *std::max_element(own_counts.begin(), own_counts.end()));
  const double share = 100 * *std::max_element(own_counts.begin(), own_counts.end()) / (rows * tokens);
  close(metrics.number("token_massive_share"), share);
  CHECK(std::get<std::string>(*metrics.find("massive_kind")) == (share == 0 ? "none" : share < 50 ? "token spike" : "channel outlier"));
}

void check_sinks(const Case& c) {
  ProbeSettings settings;
  settings.sink_epsilon = 0.4;
  const Metrics metrics = c.measure("sinks", settings);
  std::vector<std::vector<double>> scores;
  double sinks = 0, looked_at = 0;
  const std::vector<const char*> parts = c.config.second_is_attention() ? std::vector{"attn", "ffn"} : std::vector{"attn"};
  for (int layer = 0; layer < c.config.n_layers; ++layer)
    for (const char* part : parts) {
      auto& own = scores.emplace_back();
      for (std::size_t head = 0; head < static_cast<std::size_t>(c.config.n_heads); ++head) {
        const Numbers* map = c.map(layer, part);
        own.push_back(map ? 0 : nothing);
        for (std::size_t row = 0; map && row < rows; ++row) {
          double importance = 0;  // of key 0, which all queries see
          for (std::size_t query = 0; query < tokens; ++query) importance += (*map)(row, head, query, 0) / tokens;
          own.back() += importance / rows;
          sinks += importance > settings.sink_epsilon, ++looked_at;
        }
      }
    }
  const auto found = table(metrics, "sink_score");
  REQUIRE(found.size() == scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) close(found[i], scores[i]);
  close(metrics.number("sink_ratio"), 100 * sinks / looked_at);
  CHECK(c.notes.size() == (c.config.has_other_mixers() ? 1 : 0));  // says why there are rows without a value
  if (c.config.has_other_mixers()) CHECK(c.notes[0].find("layers 0: their mixer is gated_deltanet") != std::string::npos);
}

void check_value_states(const Case& c) {
  std::vector<double> first, rest;
  const std::vector<const char*> parts = c.config.second_is_attention() ? std::vector{"attn", "ffn"} : std::vector{"attn"};
  for (int layer = 0; layer < c.config.n_layers; ++layer)
    for (const char* part : parts) {
      first.push_back(c.map(layer, part) ? 0 : nothing), rest.push_back(first.back());
      if (!c.map(layer, part)) continue;
      const Numbers& v = c.seen.at("layer." + std::to_string(layer) + "." + part + ".v");
      for (std::size_t i = 0; i < std::size_t{rows} * tokens; ++i)
        (i % tokens == 0 ? first : rest).back() += norm(v, i) / (i % tokens == 0 ? rows : rows * (tokens - 1));
    }
  const Metrics metrics = c.measure("value_states");
  close(list(metrics, "value_norm_first"), first);
  close(list(metrics, "value_norm_rest"), rest);
}

/// ||U_k|| of a gated feed-forward from its definition: row k of `down`, with rows `first` to `first + neurons` of the others.
double form_norm(const Case& c, const std::string& prefix, const std::vector<double>& norm, std::size_t first, std::size_t neurons,
                 std::size_t k) {
  const std::vector<float> gate = c.weights.read(prefix + "gate_proj.weight"), up = c.weights.read(prefix + "up_proj.weight"),
                           down = c.weights.read(prefix + "down_proj.weight");
  const std::size_t width = norm.size();
  double squares = 0;
  for (std::size_t a = 0; a < width; ++a)
    for (std::size_t b = 0; b < width; ++b) {
      double sum = 0;
      for (std::size_t n = 0; n < neurons; ++n)
        sum += double{down[(first / neurons * width + k) * neurons + n]} * double{gate[(first + n) * width + a]} *
               double{up[(first + n) * width + b]};
      squares += std::pow(sum * norm[a] * norm[b], 2);
    }
  return std::sqrt(squares);
}

std::vector<double> norm_weight(const Case& c, int layer) {
  if (!c.config.ffn_input_norm) return std::vector<double>(static_cast<std::size_t>(c.config.d_model), 1.0);
  std::vector<double> norm;
  for (const float w : c.weights.read(fmt::format("model.layers.{}.post_attention_layernorm.weight", layer)))
    norm.push_back(c.config.norm == "rmsnorm_plus_one" ? 1 + double{w} : double{w});
  return norm;
}

void check_forms(const Case& c) {
  const bool gated =
      !c.config.ffn.any([](const std::string& kind) { return kind != "swiglu" && kind != "geglu_tanh" && kind != "experts"; });
  if (!gated) {
    CHECK_THROWS_WITH_AS(c.measure("quadratic_forms"), doctest::Contains("which multiply two linear maps"), InputError);
    return;
  }
  std::vector<std::vector<double>> expected;
  const auto add = [&](int layer, const std::string& part, int neurons, int count) {
    for (int i = 0; i < count; ++i) {
      auto& row = expected.emplace_back();
      for (std::size_t k = 0; k < static_cast<std::size_t>(c.config.d_model); ++k)
        row.push_back(form_norm(c, fmt::format("model.layers.{}.mlp.{}", layer, part), norm_weight(c, layer),
                                static_cast<std::size_t>(i * neurons), static_cast<std::size_t>(neurons), k));
    }
  };
  for (int layer = 0; layer < c.config.n_layers; ++layer) {
    if (!c.config.is_mixture(layer)) add(layer, "", c.config.d_ffn[layer], 1);
    else add(layer, "experts.", c.config.d_ffn[layer], c.config.n_experts), add(layer, "shared_expert.", c.config.d_shared_expert, 1);
  }
  const Metrics metrics = c.measure("quadratic_forms");
  const auto found = table(metrics, "form_norms");
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) close(found[i], expected[i]);
  CHECK(metrics.find("form_feed_forwards") != nullptr);
}

}  // namespace

TEST_CASE("statistics of every shape of model are what their definitions say") {
  for (const Subject& subject : subjects) {
    CAPTURE(subject.name);
    const Case c(subject);
    check_spikes(c);
    check_norm_ratio(c);
    check_massive(c);
    check_sinks(c);
    check_value_states(c);
    check_forms(c);
  }
}
