// A stream in one pass, against a model that is fed one token at a time and has a cache: keys unrotated, positions those of the cache, the first and the last
// entries kept.
#include "probe/streaming.h"

#include "base/file.h"
#include "model/rope.h"
#include "probe/evaluation.h"
#include "probe/interventions.h"
#include "probe/quantization_settings.h"
#include "small_run.h"

#include <doctest/doctest.h>

#include <cmath>
#include <deque>

using namespace ablate;
using namespace ablate::test;

namespace {

using Vector = std::vector<double>;

/// RMSNorm, RoPE, grouped heads, SwiGLU: a model step by step in double precision.
class Stream {
 public:
  Stream(const Weights& weights, std::size_t window, std::size_t keep_first)
      : config_(weights.config()), window_(window), keep_first_(keep_first), caches_(static_cast<std::size_t>(config_.n_layers)) {
    for (const ParameterSpec& spec : parameters(config_)) weights_[spec.name] = weights.read(spec.name);
  }

  /// The logits after one more token; then the cache is cut.
  Vector step(int id) {
    const std::size_t width = static_cast<std::size_t>(config_.d_model);
    Vector h(width);
    for (std::size_t c = 0; c < width; ++c)
      h[c] = static_cast<double>(weights_.at("model.embed_tokens.weight")[static_cast<std::size_t>(id) * width + c]);
    for (int i = 0; i < config_.n_layers; ++i) layer(h, i);
    return times("lm_head.weight", normed(h, "model.norm.weight"));
  }

 private:
  struct Entry {
    Vector k, v;
  };

  Vector times(const std::string& name, const Vector& x) const {
    const std::vector<float>& w = weights_.at(name);
    Vector y(w.size() / x.size());
    for (std::size_t i = 0; i < w.size(); ++i) y[i / x.size()] += static_cast<double>(w[i]) * x[i % x.size()];
    return y;
  }
  Vector normed(const Vector& x, const std::string& name) const {
    double squares = 0;
    for (const double value : x) squares += value * value;
    Vector y = x;
    for (std::size_t c = 0; c < y.size(); ++c)
      y[c] *= static_cast<double>(weights_.at(name)[c]) / std::sqrt(squares / static_cast<double>(x.size()) + config_.norm_eps);
    return y;
  }
  /// A head of x, rotated as at a position.
  Vector rotated(const Vector& x, std::size_t head, std::size_t position, int layer) const {
    const std::size_t size = static_cast<std::size_t>(config_.head_dim), turned = static_cast<std::size_t>(config_.rotated_channels(layer));
    Vector y(x.begin() + static_cast<std::ptrdiff_t>(head * size), x.begin() + static_cast<std::ptrdiff_t>((head + 1) * size));
    const Vector before = y;
    const Rotation turns =
        rotation(config_, layer, static_cast<std::uint32_t>(window_ + keep_first_ + 1));  // of as many as the cache holds
    for (std::size_t i = 0; i < turned / 2; ++i) {
      const double angle = static_cast<double>(position) * turns.frequencies[i];
      const double cosine = turns.magnitude * std::cos(angle), sine = turns.magnitude * std::sin(angle);
      y[i] = before[i] * cosine - before[i + turned / 2] * sine;
      y[i + turned / 2] = before[i + turned / 2] * cosine + before[i] * sine;
    }
    return y;
  }

  Vector attention(const Vector& x, int i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".self_attn.";
    std::deque<Entry>& cache = caches_[static_cast<std::size_t>(i)];
    cache.push_back({times(prefix + "k_proj.weight", x), times(prefix + "v_proj.weight", x)});
    const Vector q = times(prefix + "q_proj.weight", x);
    const std::size_t size = static_cast<std::size_t>(config_.head_dim),
                      group = static_cast<std::size_t>(config_.n_heads / config_.n_kv_heads);
    Vector y;
    for (std::size_t head = 0; head < static_cast<std::size_t>(config_.n_heads); ++head) {
      const Vector query = rotated(q, head, cache.size() - 1, i);
      Vector weights, sum(size);
      double total = 0;
      for (std::size_t j = 0; j < cache.size(); ++j) {
        const Vector key = rotated(cache[j].k, head / group, j, i);
        double score = 0;
        for (std::size_t d = 0; d < size; ++d) score += query[d] * key[d] / std::sqrt(static_cast<double>(size));
        weights.push_back(std::exp(score));
        total += weights.back();
      }
      for (std::size_t j = 0; j < cache.size(); ++j)
        for (std::size_t d = 0; d < size; ++d) sum[d] += weights[j] / total * cache[j].v[head / group * size + d];
      y.insert(y.end(), sum.begin(), sum.end());
    }
    if (cache.size() > window_ + keep_first_) cache.erase(cache.begin() + static_cast<std::ptrdiff_t>(keep_first_));
    return times(prefix + "o_proj.weight", y);
  }

  void layer(Vector& h, int i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    add(h, attention(normed(h, prefix + "input_layernorm.weight"), i));
    const Vector x = normed(h, prefix + "post_attention_layernorm.weight");
    Vector act = times(prefix + "mlp.up_proj.weight", x);
    const Vector gate = times(prefix + "mlp.gate_proj.weight", x);
    for (std::size_t c = 0; c < act.size(); ++c) act[c] *= gate[c] / (1 + std::exp(-gate[c]));
    add(h, times(prefix + "mlp.down_proj.weight", act));
  }
  static void add(Vector& x, const Vector& y) {
    for (std::size_t c = 0; c < x.size(); ++c) x[c] += y[c];
  }

  TransformerConfig config_;
  std::size_t window_, keep_first_;
  std::map<std::string, std::vector<float>> weights_;
  std::vector<std::deque<Entry>> caches_;
};

double stream_loss(const Weights& weights, const EvaluationData& data, std::size_t window, std::size_t keep_first) {
  double sum = 0;
  std::size_t count = 0;
  for (std::uint32_t row = 0; row < data.rows; ++row) {
    Stream stream(weights, window, keep_first);
    for (std::uint32_t t = 0; t + 1 < data.columns; ++t) {
      const Vector logits = stream.step(data.ids[row * data.columns + t]);
      double total = 0;
      for (const double logit : logits) total += std::exp(logit);
      sum += std::log(total) - logits[static_cast<std::size_t>(data.ids[row * data.columns + t + 1])];
      ++count;
    }
  }
  return sum / static_cast<double>(count);
}

double loss_under(const std::string& table, const SmallRun& run, const std::vector<Probe*>& probes = {}) {
  Settings settings(parse_toml(table, "x.toml"));
  Hooks hooks;
  stream(hooks, StreamingSettings::from(settings), run.weights.config(), run.data.tokens());
  settings.reject_unused();
  return *Evaluator(pipelines(), run.weights, DType::f32, run.data).run(hooks, probes).loss;
}

std::string table_of(std::size_t window, std::size_t keep_first) {
  return fmt::format("[streaming]\nwindow = {}\nkeep_first = {}\n", window, keep_first);
}

}  // namespace

/// What a stream's loss is, and that it is not the loss without one.
void check_streams(const TransformerConfig& config, const std::vector<std::size_t>& windows) {
  const SmallRun run(config, 3, 24);
  const double whole = loss_under("", run);
  for (const std::size_t window : windows)
    for (const std::size_t keep_first : {0, 1, 4}) {
      CAPTURE(window);
      CAPTURE(keep_first);
      const double loss = loss_under(table_of(window, keep_first), run);
      // Both round, one in f32: four products of two dozen terms a layer behind a loss of a few nats.
      CHECK(loss == doctest::Approx(stream_loss(run.weights, run.data, window, keep_first)).epsilon(2e-6));
      if (window + keep_first < 20) CHECK(std::abs(loss - whole) > 1e-4);
    }
}

TEST_CASE("a stream in one pass gives what a cache gives, token by token") {
  TransformerConfig config = SmallRun::small_model();
  for (const double share : {1.0, 0.5, 0.0}) {
    CAPTURE(share);
    config.rotary_share = share;
    check_streams(config, {1, 4, 9, 19, 23, 40});
  }
}

TEST_CASE("so it does where RoPE is scaled") {
  const int context = 8;
  const std::vector<RopeScaling> scalings = {
      {.kind = RopeScalingKind::linear, .factor = 3},
      {.kind = RopeScalingKind::llama3, .factor = 4, .original_max_position_embeddings = context},
      {.kind = RopeScalingKind::yarn, .factor = 4, .original_max_position_embeddings = context, .beta_fast = 2, .attention_factor = 1.2},
      {.kind = RopeScalingKind::longrope,
       .original_max_position_embeddings = 4,
       .attention_factor = 1.1,
       .short_factor = {1, 1, 1},
       .long_factor = {1, 2, 5}}};
  TransformerConfig config = SmallRun::small_model();
  for (const RopeScaling& scaling : scalings) {
    CAPTURE(static_cast<int>(scaling.kind));
    config.rope_scaling = scaling;
    check_streams(config, {5, 11, 30});
  }
}

TEST_CASE("statistics of a stream's attention are those of its weights") {
  SmallRun run(SmallRun::small_model(), 2, 16);
  Settings settings(parse_toml(table_of(4, 2), "x.toml"));
  Hooks hooks;
  stream(hooks, StreamingSettings::from(settings), run.weights.config(), 16);
  ProbeSettings probe;
  probe.dump = {"layer.1.attn.probs"};
  const Metrics metrics = run.measure("sinks", probe, hooks);
  const std::vector<float>& map = run.dumped.at("layer.1.attn.probs");  // (B, heads, T, T)
  std::vector<double> mass(4);
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t head = 0; head < 4; ++head)
      for (std::size_t i = 0; i < 16; ++i) {
        double total = 0;
        for (std::size_t j = 0; j < 16; ++j) {
          const double weight = static_cast<double>(map[((b * 4 + head) * 16 + i) * 16 + j]);
          const bool seen = j <= i && (i - j <= 4 || j < 2);
          CHECK((weight > 0) == seen);
          total += weight;
          if (j == 0) mass[head] += weight / 32;
        }
        CHECK(total == doctest::Approx(1).epsilon(1e-5));
      }
  for (std::size_t head = 0; head < 4; ++head) CHECK(table(metrics, "sink_score")[1][head] == doctest::Approx(mass[head]).epsilon(1e-5));
}

TEST_CASE("loss by position adds up to the loss") {
  const SmallRun run(SmallRun::small_model(), 3, 24);
  Settings own(parse_toml("width = 5", "own.toml"));
  const auto probe = Probes::find("statistic", "loss_by_position")(ProbeSettings{}, own);
  const double loss = loss_under("", run, {probe.get()});
  Metrics metrics;
  probe->finish(metrics);
  const std::vector<double> parts = list(metrics, "loss_by_position");
  REQUIRE(parts.size() == 5);
  CHECK((5 * (parts[0] + parts[1] + parts[2] + parts[3]) + 3 * parts[4]) / 23 == doctest::Approx(loss).epsilon(1e-6));
  CHECK(list(metrics, "perplexity_by_position")[1] == doctest::Approx(std::exp(parts[1])));
}

TEST_CASE("streams that a model cannot have are refused by name") {
  const auto message = [](const std::string& table, const std::function<void(TransformerConfig&)>& change = {}) {
    TransformerConfig config = SmallRun::small_model();
    if (change) change(config);
    std::string what;
    try {
      Settings settings(parse_toml(table, "x.toml"));
      StreamingSettings::from(settings).check(config, 24);
      settings.reject_unused();
    } catch (const InputError& error) {
      what = error.what();
    }
    return what;
  };
  CHECK(message(table_of(4, 2)) == "");
  CHECK(message("") == "");
  CHECK(message("[streaming]\nkeep_first = 2").find("streaming") != std::string::npos);
  CHECK(message("[streaming]\nwindow = 0").find("x.toml:2: streaming.window") != std::string::npos);
  CHECK(message("[streaming]\nwindow = 4\nkeep_first = -1").find("x.toml:3: streaming.keep_first") != std::string::npos);
  CHECK(message("[streaming]\nwindow = 4\nsinks = 4").find("sinks") != std::string::npos);
  CHECK(message(table_of(4, 2), [](TransformerConfig& c) { c.position = Position::learned; }).find("model.position = \"learned\"") !=
        std::string::npos);
  CHECK(message(table_of(4, 2), [](TransformerConfig& c) {
          c.rope_scaling = RopeScaling{.kind = RopeScalingKind::dynamic, .factor = 2, .original_max_position_embeddings = 8};
        }).find("model.rope_scaling") != std::string::npos);
  CHECK(message(table_of(4, 2), [](TransformerConfig& c) { c.sliding_window = 6; }).find("model.sliding_window") != std::string::npos);
  CHECK(message(table_of(4, 2), [](TransformerConfig& c) { c.sliding_window = 7; }) == "");
  CHECK(message(table_of(4, 2), [](TransformerConfig& c) { c.sliding_window = 5; }) == "");
}
