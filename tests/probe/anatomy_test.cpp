// The statistics find in the planted model what was planted: at block 4 the first token gets 900 in channel 7 and -400 in channel 33, block 8 takes them away,
// heads (2, 0) and (3, 2) rest on that token.
#include "planted.h"

#include <cmath>

using namespace ablate;
using namespace ablate::test;

using Numbers = std::vector<double>;

TEST_CASE("life cycle of the planted spike") {
  const Metrics metrics = measure_planted("spikes");
  // 900 in f32, over a handful of products of f32 weights.
  CHECK(metrics.number("spike") == doctest::Approx(900).epsilon(1e-4));
  CHECK(list(metrics, "step_up_blocks") == Numbers{4});
  CHECK(list(metrics, "step_down_blocks") == Numbers{8});
  const auto top = table(metrics, "top_per_block");
  REQUIRE(top.size() == 8);
  CHECK(top[3][0] == doctest::Approx(900).epsilon(1e-4));
  CHECK(top[3][0] >= top[3][1]);
  CHECK(top[3][1] >= top[3][2]);
  CHECK(list(metrics, "block_top")[3] == top[3][0]);
}

TEST_CASE("massive activations of the planted model") {
  const Metrics metrics = measure_planted("massive");
  // 6 first tokens times channel 7 (900); 400 is no thousand times the median if that is above 0.4. States 4 to 7.
  const Numbers counts = list(metrics, "massive_per_state"), medians = list(metrics, "median_per_state");
  REQUIRE(counts.size() == 9);
  for (std::size_t state = 0; state < counts.size(); ++state) {
    CAPTURE(state);
    const bool spiking = state >= 4 && state < 8;
    const double expected = spiking ? 6.0 * ((900 >= 1000 * medians[state]) + (400 >= 1000 * medians[state])) : 0;
    CHECK(counts[state] == expected);
  }
  CHECK(metrics.number("massive_activations") >= 6);
  CHECK(metrics.number("massive_sequences") == 100);
  CHECK(list(metrics, "massive_tokens") == Numbers{0});
  CHECK(list(metrics, "massive_token_ids") == Numbers{1});
  CHECK(list(metrics, "massive_channels")[0] == 7);
  CHECK(metrics.number("massive_first_block") == 4);
  CHECK(metrics.number("massive_last_block") == 7);
}

TEST_CASE("only the planted token of the vocabulary spikes") {
  EvaluationData data{.rows = 320, .columns = 1, .ids = {}, .shifted = false, .positions = std::nullopt};
  for (int id = 0; id < 320; ++id) data.ids.push_back(id);
  const Metrics metrics = measure_planted("vocabulary", &data);
  CHECK(metrics.number("vocabulary_tokens") == 320);
  CHECK(metrics.number("vocabulary_share") == doctest::Approx(100.0 / 320).epsilon(1e-12));
  CHECK(metrics.number("vocabulary_massive") == doctest::Approx(100.0 / 320).epsilon(1e-12));
  CHECK(list(metrics, "vocabulary_without")[0] == 0);
  CHECK(list(metrics, "vocabulary_without")[1] == 2);
}

TEST_CASE("SiLU is near the identity for the spike token in the step blocks only") {
  const Metrics metrics = measure_planted("silu_regime");
  CHECK(metrics.number("silu_spike_tokens") == 6);
  const Numbers spike = list(metrics, "silu_cosine_spike"), rest = list(metrics, "silu_cosine_rest"), ratio = list(metrics, "silu_ratio_spike");
  REQUIRE(spike.size() == 4);
  for (const std::size_t layer : {1u, 3u}) {  // blocks 4 and 8: one large positive pre-activation dominates
    CAPTURE(layer);
    CHECK(spike[layer] > 0.9);
    CHECK(spike[layer] > rest[layer]);
    CHECK(ratio[layer] > 0.9);
  }
  CHECK(ratio[0] < 0.75);
}

TEST_CASE("normed spike tokens are sparse, bounded and alike") {
  const Metrics metrics = measure_planted("geometry");
  const Numbers share = list(metrics, "geometry_share_spike"), range = list(metrics, "geometry_range_spike"), rest = list(metrics, "geometry_range_rest");
  REQUIRE(share.size() == 9);
  CHECK(share[4] > 0.999);
  CHECK(share[3] < 0.9);
  // 900 of a vector (900, -400, small): sqrt(64) * 900 / |(900, 400)|, to the small entries' square of about 64 / 970^2.
  CHECK(range[4] == doctest::Approx(8 * 900 / std::hypot(900.0, 400.0)).epsilon(1e-3));
  CHECK(range[4] <= metrics.number("geometry_bound"));
  CHECK(rest[4] < range[4]);
  CHECK(metrics.number("geometry_step_up") == 4);
  CHECK(metrics.number("geometry_cosine_after") > 0.9999);
  CHECK(metrics.number("geometry_key_rank") == 1);
  const Numbers head = list(metrics, "geometry_sink_head");
  CHECK(head[0] >= 2);
}

TEST_CASE("sink heads") {
  const Metrics metrics = measure_planted("sink_heads");
  const Numbers sink = list(metrics, "sink_head"), other = list(metrics, "other_head"), cosine = list(metrics, "sink_head_cosine");
  const bool planted = (sink[0] == 2 && sink[1] == 0) || (sink[0] == 3 && sink[1] == 2);
  CHECK(planted);
  CHECK(sink[2] > 0.5);
  CHECK(other[2] < 0.3);
  CHECK(cosine[0] > cosine[1]);
  const auto& figures = std::get<std::vector<Figure>>(*metrics.find("figures"));
  REQUIRE(figures.size() == 4);
  for (const Figure& figure : figures) CHECK(figure.series.size() == 3);
}

TEST_CASE("quadratic forms of the planted model") {
  const Metrics metrics = measure_planted("quadratic_forms");
  const auto norms = table(metrics, "form_norms"), top = table(metrics, "form_top_channels");
  REQUIRE(norms.size() == 4);
  REQUIRE(norms[0].size() == 64);
  for (const std::size_t layer : {1u, 3u}) CHECK(Numbers(top[layer].begin(), top[layer].begin() + 2) == Numbers{7, 33});
  CHECK(metrics.number("form_layer") == 1);
  const Numbers channels = list(metrics, "form_channels"), share = list(metrics, "form_leading_share");
  REQUIRE(channels.size() == 4);
  CHECK(Numbers(channels.begin(), channels.begin() + 2) == Numbers{7, 33});
  // Both channels are written by one neuron: the same form, up to its size; it reads little but the mark in gate and up.
  CHECK(table(metrics, "form_alignment")[0][1] > 0.999);
  CHECK(share[0] > 0.9);
  CHECK(share[2] < 0.5);
}
