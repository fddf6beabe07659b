// What is told of heads' keys, queries and values, against its definition in double precision.
#include "probe/quadratic_form.h"
#include "small_run.h"

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

using Numbers = std::vector<double>;

/// Without rotation a hook point's queries and keys are those that meet.
TransformerConfig unrotated() {
  TransformerConfig config = SmallRun::small_model();
  config.position = Position::none;
  return config;
}

double dot(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

}  // namespace

TEST_CASE("sink_heads: cosines are means over all pairs of a query and a key") {
  SmallRun run(unrotated());
  ProbeSettings settings;
  settings.dump = {"attn.q", "attn.k", "attn.v"};
  const Metrics metrics = run.measure("sink_heads", settings);
  for (const std::string name : {"sink_head", "other_head"}) {
    const Numbers which = list(metrics, name.c_str());
    const std::string layer = "layer." + std::to_string(static_cast<int>(which[0])) + ".attn.";
    const auto head = static_cast<std::size_t>(which[1]);
    const std::vector<float>&q = run.dumped.at(layer + "q"), &k = run.dumped.at(layer + "k"), &v = run.dumped.at(layer + "v");
    const std::size_t rows = q.size() / 24, tokens = run.data.columns;
    double sums[2] = {}, pairs[2] = {}, values[2] = {}, counts[2] = {};
    for (std::size_t j = 0; j < rows; ++j) {
      const float *key = &k[j * 12 + head / 2 * 6], *value = &v[j * 12 + head / 2 * 6];
      const std::size_t kind = j % tokens == 0 ? 0 : 1;
      values[kind] += std::sqrt(dot(value, value, 6)), ++counts[kind];
      for (std::size_t i = 0; i < rows; ++i) {
        const float* query = &q[i * 24 + head * 6];
        sums[kind] += dot(query, key, 6) / std::sqrt(dot(query, query, 6) * dot(key, key, 6)), ++pairs[kind];
      }
    }
    for (std::size_t kind = 0; kind < 2; ++kind) {  // of the same f32 numbers, in double both
      CHECK(list(metrics, (name + "_cosine").c_str())[kind] == doctest::Approx(sums[kind] / pairs[kind]).epsilon(1e-9));
      CHECK(list(metrics, (name + "_values").c_str())[kind] == doctest::Approx(values[kind] / counts[kind]).epsilon(1e-9));
    }
  }
}

TEST_CASE("value_states: outputs are W_O v, where every head has values of its own") {
  for (const int kv_heads : {2, 4}) {
    TransformerConfig config = SmallRun::small_model();
    config.n_kv_heads = kv_heads;
    SmallRun run(config);
    ProbeSettings settings;
    settings.dump = {"attn.v"};
    const Metrics metrics = run.measure("value_states", settings);
    CHECK((metrics.find("value_output_first") != nullptr) == (kv_heads == 4));
    if (kv_heads != 4) continue;
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const std::string prefix = "layer." + std::to_string(layer) + ".attn.";
      const std::vector<float>& v = run.dumped.at(prefix + "v");
      const std::vector<float> output = run.weights.read("model.layers." + std::to_string(layer) + ".self_attn.o_proj.weight");
      double sums[2] = {}, counts[2] = {};
      for (std::size_t row = 0; row < v.size() / 24; ++row) {
        double squares = 0;
        for (std::size_t o = 0; o < 24; ++o) squares += std::pow(dot(&v[row * 24], &output[o * 24], 24), 2);
        const std::size_t kind = row % run.data.columns == 0 ? 0 : 1;
        sums[kind] += std::sqrt(squares), ++counts[kind];
      }
      // Sums of 24 products in f32.
      CHECK(list(metrics, "value_output_first").at(layer) == doctest::Approx(sums[0] / counts[0]).epsilon(1e-5));
      CHECK(list(metrics, "value_output_rest").at(layer) == doctest::Approx(sums[1] / counts[1]).epsilon(1e-5));
    }
  }
}

// Two of six key channels a thousandth of the others: singular values above 0.01 of the largest are four.
TEST_CASE("geometry: the rank of keys counts what is above a hundredth") {
  SmallRun run(unrotated());
  for (int layer = 0; layer < 2; ++layer) {
    const std::string name = "model.layers." + std::to_string(layer) + ".self_attn.k_proj.weight";
    std::vector<float> keys = run.weights.read(name);
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (i / 24 % 6 >= 4) keys[i] *= 1e-3f;
    run.weights.write(name, keys);
  }
  const Metrics metrics =
      run.measure("geometry", {}, run.edited({"at = \"residual.4\"\ndo = \"set\"\nchannels = [3]\ntokens = [4, 5]\nvalue = 1e6"}));
  const Numbers values = list(metrics, "geometry_key_singular_values");
  REQUIRE(values.size() == 6);
  CHECK(values[3] > 0.01);
  CHECK(values[4] < 0.01);
  CHECK(values[5] > 1e-4);
  CHECK(metrics.number("geometry_key_rank") == 4);
}

TEST_CASE("quadratic forms: the norm's factors go into gate and up") {
  SmallRun run(SmallRun::small_model());
  const std::string prefix = "model.layers.1.";
  std::vector<float> factors(24);
  for (std::size_t i = 0; i < factors.size(); ++i) factors[i] = 0.5f + static_cast<float>(i);
  run.weights.write(prefix + "post_attention_layernorm.weight", factors);
  const FoldedFeedForward folded = FoldedFeedForward::of(run.weights, 1).at(0);
  const std::vector<float> gate = run.weights.read(prefix + "mlp.gate_proj.weight"), up = run.weights.read(prefix + "mlp.up_proj.weight");
  for (std::size_t i = 0; i < gate.size(); ++i) {
    CHECK(folded.gate[i] == gate[i] * factors[i % 24]);
    CHECK(folded.up[i] == up[i] * factors[i % 24]);
  }
  CHECK(folded.down == run.weights.read(prefix + "mlp.down_proj.weight"));
}
