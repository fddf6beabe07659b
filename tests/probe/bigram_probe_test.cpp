// The risks of the bigram-backcopy task against sums over the vocabulary of the model's own logits.
#include "experiment/run/bigram_probe.h"
#include "anatomy.h"
#include "probe/dump.h"
#include "support/temporary_folder.h"

#include <cmath>
#include <numeric>

using namespace ablate;
using namespace ablate::test;

namespace {

TransformerConfig small_model(bool tied) {
  TransformerConfig config;
  config.d_model = 24, config.n_layers = 1, config.n_heads = 2, config.n_kv_heads = 2, config.head_dim = 12, config.d_ffn = 48;
  config.vocab_size = 35, config.tie_embeddings = tied;
  return config;
}

EvaluationData task_data(const BigramTask& task, std::uint32_t rows, std::uint32_t columns) {
  EvaluationData data{.rows = rows, .columns = columns, .ids = {}, .shifted = true, .positions = std::nullopt};
  data.ids.resize(std::size_t{rows} * columns);
  for (std::uint32_t row = 0; row < rows; ++row) task.sequence("validation", row, columns, &data.ids[std::size_t{row} * columns]);
  return data;
}

struct Risks {
  Metrics metrics;
  std::vector<float> logits;   // (N, T, V)
  std::vector<float> weights;  // attention, (N, heads, T, T)
};

Risks measured(const BigramTask& task, const EvaluationData& data, const TransformerConfig& config) {
  Weights weights(pipelines().device(), config, DType::f32, WeightsUse::inference);
  weights.initialize("paper", 5);
  const std::string head = config.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  std::vector<float> matrix = weights.read(head);
  for (float& value : matrix) value *= 3;  // far from uniform, as a trained model is
  weights.write(head, matrix);
  BigramProbe probe(task);
  ProbeSettings settings;
  settings.dump = {"logits", "attn.probs"};
  DumpProbe dump(settings);
  Evaluator(pipelines(), weights, DType::f32, data).run({}, {&probe, &dump});
  Risks risks;
  probe.finish(risks.metrics);
  const TemporaryFolder folder;
  dump.write(folder.path());
  const SafetensorsFile dumped(folder / "probes.safetensors");
  risks.logits = dumped.at("logits").floats();
  risks.weights = dumped.at("layer.0.attn.probs").floats();
  return risks;
}

double cross_entropy(std::span<const float> logits, const std::vector<double>& oracle) {
  double sum = 0, risk = 0;
  for (const float logit : logits) sum += std::exp(double(logit));
  for (std::size_t i = 0; i < oracle.size(); ++i) risk -= oracle[i] * (double(logits[i]) - std::log(sum));
  return risk;
}

}  // namespace

// As published: at position 0 the oracle is pi, triggers among it, although the data's own distribution there has none.
TEST_CASE("the bigram risk after <s> is the cross-entropy against pi") {
  const BigramTask task(random_chain(33, 1.5, 1), {}, 3);
  TransformerConfig narrow = small_model(false), capped = small_model(true);
  narrow.embedding_dim = 12;  // a matrix of its own leads out of the model
  capped.logit_softcap = 2;   // of logits up to 6 or so
  for (const TransformerConfig& config : {small_model(false), small_model(true), narrow, capped}) {
    const EvaluationData data = task_data(task, 16, 2);  // nothing but position 0
    const Risks risks = measured(task, data, config);
    std::vector<double> oracle(35);
    task.oracle(data.ids.data(), 0, oracle);
    double triggers = 0, entropy = 0;
    for (const std::int32_t id : task.triggers()) triggers += oracle[static_cast<std::size_t>(id)];
    for (const double p : oracle) entropy -= p > 0 ? p * std::log(p) : 0;
    CHECK(triggers > 0.1);
    // Logits in f32: their rounding, and that of sums of 24 products.
    CHECK(risks.metrics.number("bigram_loss") == doctest::Approx(cross_entropy(std::span(risks.logits).first(35), oracle)).epsilon(1e-6));
    CHECK(risks.metrics.number("bigram_entropy") == doctest::Approx(entropy).epsilon(1e-12));
    CHECK_FALSE(risks.metrics.find("backcopy_loss"));  // no trigger stands there
  }
}

// The control variate leaves the noise of which target was drawn: of 256 sequences of 24 tokens, four standard errors.
TEST_CASE("the risks at all positions are those against the oracle") {
  const BigramTask task(random_chain(33, 1.5, 1), {}, 3);
  const EvaluationData data = task_data(task, 256, 25);
  const Risks risks = measured(task, data, small_model(false));
  std::vector<double> oracle(35);
  double sums[2] = {}, counts[2] = {}, noise = 0;
  for (std::size_t row = 0; row < data.rows; ++row)
    for (std::size_t t = 0; t < data.tokens(); ++t) {
      const std::int32_t* ids = &data.ids[row * data.columns];
      const std::span<const float> logits = std::span(risks.logits).subspan((row * data.tokens() + t) * 35, 35);
      task.oracle(ids, static_cast<std::int64_t>(t), oracle);
      const bool trigger = task.is_trigger(ids[t]);
      const double risk = cross_entropy(logits, oracle);
      sums[trigger] += risk, ++counts[trigger];
      if (trigger || t == 0) continue;
      std::vector<double> drawn(35);
      drawn[static_cast<std::size_t>(ids[t + 1])] = 1;
      const double entropy =
          std::accumulate(oracle.begin(), oracle.end(), 0.0, [](double s, double p) { return p > 0 ? s - p * std::log(p) : s; });
      noise += std::pow(cross_entropy(logits, drawn) + std::log(oracle[static_cast<std::size_t>(ids[t + 1])]) + entropy - risk, 2);
    }
  CHECK(risks.metrics.number("backcopy_loss") == doctest::Approx(sums[1] / counts[1]).epsilon(1e-6));
  CHECK(std::abs(risks.metrics.number("bigram_loss") - sums[0] / counts[0]) <= 4 * std::sqrt(noise) / counts[0]);
}

TEST_CASE("the bigram task's sink is the attention of what is no trigger on the first token") {
  const BigramTask task(random_chain(33, 1.5, 1), {}, 3);
  const EvaluationData data = task_data(task, 16, 13);
  const Risks risks = measured(task, data, small_model(false));
  double sum = 0, count = 0, triggers = 0;
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t head = 0; head < 2; ++head)
      for (std::size_t t = 0; t < 12; ++t) {
        const double weight = double(risks.weights.at(((row * 2 + head) * 12 + t) * 12));
        if (task.is_trigger(data.ids[row * 13 + t])) triggers += weight;
        else sum += weight, ++count;
      }
  CHECK(triggers > 0.01 * sum);
  // Weights are exp(score - lse) in f32, of scores that are small.
  CHECK(risks.metrics.number("sink_attention") == doctest::Approx(sum / count).epsilon(1e-5));
}
