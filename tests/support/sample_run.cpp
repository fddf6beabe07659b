#include "support/sample_run.h"

#include "base/file.h"
#include "experiment/results.h"

#include <fmt/core.h>

#include <cmath>
#include <random>

namespace ablate {
namespace {

constexpr int layers = 6, heads = 4, states = 2 * layers + 1, steps = 2500, log_every = 20, batch = 128, seq_len = 256;

/// What a 7M model would show, and what the paper reports.
struct Variant {
  const char* name;
  double loss, sink_ratio, spike;
  double paper_perplexity, paper_sink_ratio, paper_spike;
};

constexpr Variant variants[] = {
    {"pre-norm", 3.337, 22.0, 75.5, 10.1, 46.0, 3818},     {"sandwich", 3.264, 6.8, 38, 9.8, 44.7, 520},
    {"sandwich QK", 3.265, 1.3, 30, 10.0, 42.0, 92},       {"DynamicTanh", 3.465, 19.2, 31, 10.0, 61.0, 153},
    {"gate, per channel", 3.400, 0.0, 36, 10.0, 4.5, 202}, {"gate, per head", 3.328, 4.8, 37, 10.1, 6.4, 186},
    {"gate, constant", 3.391, 20.3, 72, 10.1, 42.2, 1922}, {"GeLU <16512 wide> & friends", 3.320, 29.2, 86, 10.1, 69.3, 3369},
};

/// The same numbers on every machine: the distributions of <random> are not.
struct Noise {
  std::mt19937 engine;
  double uniform() { return engine() / 4294967296.0; }
  double normal() { return uniform() + uniform() + uniform() + uniform() + uniform() + uniform() - 3; }  // variance 1/2
};

struct Outcome {
  double loss, sink_ratio, spike;
};

Outcome outcome_of(const Variant& variant, double shift, Noise& noise) {
  return {variant.loss + shift + 0.015 * noise.normal(), std::max(0.0, variant.sink_ratio * (1 + 0.12 * noise.normal())),
          variant.spike * (1 + 0.06 * noise.normal())};
}

/// Growth that starts late, as sinks and spikes do.
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

void write_training_log(const std::filesystem::path& path, const Outcome& end, Noise& noise, int last_step) {
  MetricsLog log(path);
  for (int step = 0; step < last_step; step += log_every) {
    const double share = static_cast<double>(step + log_every) / steps, grown = sigmoid(14 * (share - 0.28));
    Metrics line{{"step", static_cast<double>(step)}};
    line.set("loss", end.loss + 5.1 * std::exp(-45 * share) + 0.75 * std::pow(1 - share, 3) + 0.02 * noise.normal());
    line.set("grad_norm", 0.35 + 3 * std::exp(-30 * share) + 0.03 * std::abs(noise.normal()));
    line.set("lr", 2e-3 * (share < 0.08 ? share / 0.08 : 0.55 + 0.45 * std::cos(3.14159 * share)));
    line.set("tokens_per_s", 2.1e6 + 1e4 * noise.normal());
    if (step % (5 * log_every) == 0) {
      line.set("sink_ratio", std::max(0.0, end.sink_ratio * grown + 0.4 * noise.normal() * grown));
      line.set("spike", 4.2 + (end.spike - 4.2) * grown * (1 + 0.03 * noise.normal()));
      line.set("sink_mass", 0.02 + 0.009 * end.sink_ratio * grown);
    }
    log.append(line);
  }
}

void add_life_cycle(Metrics& metrics, const Outcome& end, Noise& noise) {
  std::vector<double> spike, median;
  std::vector<std::vector<double>> top_three;
  for (int state = 0; state < states; ++state) {
    const double rise = sigmoid(3.0 * (state - 3.5)), fall = state == states - 1 ? 0.25 : 1;
    const double top = (4.2 + (end.spike - 4.2) * rise) * fall * (1 + 0.02 * noise.normal());
    spike.push_back(top);
    top_three.push_back({top, top * (0.45 + 0.1 * noise.uniform()), 4.0 + 0.4 * state * noise.uniform()});
    median.push_back(0.3 + 0.02 * state);
  }
  metrics.set("spike_per_state", spike);
  metrics.set("top_per_state", top_three);
  metrics.set("median_per_state", median);
  metrics.set("step_up_blocks", std::vector<double>{4});
  metrics.set("step_down_blocks", std::vector<double>{12});
}

void add_sink_scores(Metrics& metrics, const Outcome& end, Noise& noise) {
  std::vector<std::vector<double>> score;
  for (int layer = 0; layer < layers; ++layer) {
    std::vector<double> row;
    for (int head = 0; head < heads; ++head) {
      const double tendency = sigmoid(2.0 * (layer - 1.5)) * (noise.uniform() < 0.55 ? 1 : 0.15);
      row.push_back(std::min(0.97, 0.015 + tendency * end.sink_ratio / 32 * (0.8 + 0.4 * noise.uniform())));
    }
    score.push_back(row);
  }
  metrics.set("sink_score", score);
}

FigureSeries cloud(const char* name, double x, double y, double size, int count, Noise& noise) {
  FigureSeries series{name, {}, {}, {}};
  for (int i = 0; i < count; ++i) {
    series.x.push_back(x + size * noise.normal());
    series.y.push_back(y + 0.7 * size * noise.normal());
    series.labels.push_back(fmt::format("{} {}", name, i));
  }
  return series;
}

Figure keys_and_queries(double spike, Noise& noise) {
  const double reach = std::log(spike);
  return {.kind = "scatter",
          .title = "Keys and queries of layer 3, head 1",
          .caption = "First two principal components; the first token's keys lie apart.",
          .x = {"component 1", false, {}},
          .y = {"component 2", false, {}},
          .series = {cloud("queries", 1.5, 0.4, 0.7, 90, noise), cloud("keys", -1.2, -0.3, 0.8, 90, noise),
                     cloud("sink keys", reach, 2.2, 0.12, 16, noise)},
          .marks = {},
          .values = {}};
}

Figure spectrum(Noise& noise) {
  Figure figure{.kind = "line",
                .title = "Eigenvalues of the quadratic form, feed-forward block 4",
                .caption = "Sorted by size; the spike channel's form has one leading eigenvalue.",
                .x = {"rank", false, {}},
                .y = {"|eigenvalue|", true, {}},
                .series = {},
                .marks = {{8, "half the energy"}},
                .values = {}};
  for (const auto& [name, lead] : {std::pair{"channel 117 (spike)", 90.0}, {"channel 3", 4.0}}) {
    FigureSeries series{name, {}, {}, {}};
    for (int i = 0; i < 64; ++i) series.y.push_back((i == 0 ? lead : 2.4) * std::exp(-0.05 * i) * (1 + 0.03 * noise.normal()));
    figure.series.push_back(std::move(series));
  }
  return figure;
}

Figure norms(Noise& noise) {
  Figure figure{.kind = "histogram",
                .title = "Norms of the quadratic forms",
                .caption = "One count per output channel and block.",
                .x = {"Frobenius norm", false, {}},
                .y = {"channels", true, {}},
                .series = {{"", {}, {}, {}}},
                .marks = {},
                .values = {}};
  for (int i = 0; i <= 24; ++i) figure.series[0].x.push_back(i * 4.0);
  for (int i = 0; i < 24; ++i)
    figure.series[0].y.push_back(std::floor(800 * std::exp(-0.5 * (i - 4) * (i - 4) / 5.0) + (i > 17 ? 2 : 0) + noise.uniform()));
  return figure;
}

Figure shares() {
  return {.kind = "bar",
          .title = "Share of the vocabulary that spikes",
          .caption = "Every token placed first, and placed second.",
          .x = {"", false, {"words", "digits", "spaces", "other"}},
          .y = {"%", false, {}},
          .series = {{"first", {}, {99, 98, 97, 93}, {}}, {"second", {}, {2, 1, 11, 4}, {}}},
          .marks = {},
          .values = {}};
}

Figure similarity(Noise& noise) {
  Figure figure{.kind = "heatmap",
                .title = "Cosine similarity of spike tokens",
                .caption = "After the step-up block.",
                .x = {"token", false, {}},
                .y = {"token", false, {}},
                .series = {},
                .marks = {},
                .values = {}};
  for (int i = 0; i < 10; ++i) {
    figure.values.emplace_back();
    for (int j = 0; j < 10; ++j) figure.values.back().push_back(i == j ? 1 : 0.55 + 0.4 * noise.uniform() - 0.04 * std::abs(i - j));
  }
  return figure;
}

Metrics metrics_of(const Variant& variant, const Outcome& end, Noise& noise) {
  Metrics metrics{{"loss", end.loss},
                  {"perplexity", std::exp(end.loss)},
                  {"train_loss", end.loss - 0.03},
                  {"sink_ratio", end.sink_ratio},
                  {"sink_ratio_early", end.sink_ratio + 1.5},
                  {"sink_mass", 0.02 + 0.009 * end.sink_ratio},
                  {"spike", end.spike},
                  {"tokens_per_s", 2.1e6 + 2e4 * noise.normal()}};
  add_life_cycle(metrics, end, noise);
  add_sink_scores(metrics, end, noise);
  const bool drawn = &variant - variants < 3;
  if (drawn)
    metrics.set("figures",
                std::vector<Figure>{keys_and_queries(end.spike, noise), spectrum(noise), norms(noise), shares(), similarity(noise)});
  return metrics;
}

std::string experiment_file(const SampleRun& sample, const std::filesystem::path& out) {
  std::string text = fmt::format(R"(
name = "normalization"
kind = "train"
title = "{}"
description = "Normalization and gates of the paper's Tables 5 and 7, on English text with 7M parameters."
sweep.seed = [{}]
[model]
d_model = 256
n_layers = {}
n_heads = {}
[train]
steps = {}
batch = {}
seq_len = {}
lr = 2e-3
precision = "mixed-bf16"
[data]
source = "text"
files = ["{}"]
tokenizer = "{}"
)",
                                 sample.title,
                                 sample.seeds == 1   ? "1"
                                 : sample.seeds == 2 ? "1, 2"
                                                     : "1, 2, 3",
                                 layers, heads, steps, batch, seq_len, (out / "english.txt").generic_string(),
                                 (out / "english_bpe4096.tokenizer.json").generic_string());
  for (const Variant& variant : variants)
    text += fmt::format("[[variant]]\nname = \"{}\"\nreference = {{perplexity = {}, sink_ratio = {}, spike = {}}}\n", variant.name,
                        variant.paper_perplexity, variant.paper_sink_ratio, variant.paper_spike);
  return text;
}

Environment environment() {
  return {.version = "0.1.0 (8e9f403)",
          .device = "NVIDIA H200",
          .driver = "NVIDIA 570.86.15, Vulkan 1.4.303",
          .caps = {},
          .masked = {"coopmat2"},
          .shader_hashes = {},
          .notes = {"bf16 storage: kept as 16-bit integers, this device has no bf16."},
          .command = {"/usr/bin/ablate", "run", "experiments/paper/normalization.toml", "--set", "scale=7m"}};
}

}  // namespace

std::filesystem::path write_sample_run(const std::filesystem::path& out, const SampleRun& sample) {
  std::filesystem::create_directories(out);
  write_atomically(out / "normalization.toml", experiment_file(sample, out));
  write_atomically(out / "english.txt", std::string_view("The text that the sample says it was made with.\n"));
  write_atomically(out / "english_bpe4096.tokenizer.json", std::string_view("{}"));
  const Plan plan = read_plan(out / "normalization.toml");
  ResultsFolder folder(out, plan, false);
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    Noise noise{std::mt19937(static_cast<unsigned>(i))};  // of its own, so that a shard's points are the whole sweep's
    const Variant& variant = variants[i / static_cast<std::size_t>(sample.seeds)];
    const Outcome end = outcome_of(variant, sample.shift, noise);
    const Metrics metrics = metrics_of(variant, end, noise);
    if (i < sample.first || i > sample.last || i > sample.finished) continue;
    const bool killed = i == sample.finished;
    write_training_log(folder.point(plan.points[i]) / "metrics.jsonl", end, noise, killed ? steps / 3 : steps);
    if (!killed) folder.add(row_of(plan.points[i], metrics));
  }
  folder.flush();
  folder.write_manifest(environment(), {}, 2174.3);
  return folder.path();
}

}  // namespace ablate
