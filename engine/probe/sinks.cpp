// Attention sinks. Importance of key k (Gu et al. 2025, arXiv 2410.10781): the weight on k averaged over the queries that may see it.
//   sink_ratio        percent of (sequence, layer, head) whose first-token importance exceeds sink_epsilon, sequences cut to sink_length tokens
//   sink_ratio_early  percent where some position of the first half does (eq. 28 of arXiv 2603.05498)
//   sink_ratio_bias   percent where the learned key does (models with attention_bias k or kv)
//   sink_mass         mean attention on key 0, over all sequences, layers, heads and queries
//   sink_score        (layers, heads): the same per head
//   sink_ratio_per_head  (layers, heads): percent of sequences
#include "ops/attention_statistics.h"
#include "probe/probe.h"

#include <algorithm>

namespace ablate {
namespace {

class SinkProbe : public Probe {
 public:
  explicit SinkProbe(const ProbeSettings& settings) : settings_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t, std::uint32_t tokens) override {
    heads_ = static_cast<std::uint32_t>(config.n_heads);
    length_ = std::min(tokens, static_cast<std::uint32_t>(settings_.sink_length));
    calls_.clear();
  }

  void attention(Graph& graph, const AttentionCall& call) override {
    learned_ = call.options.k_bias ? 1 : 0;
    Tensors tensors;
    tensors.importance = graph.keep(importance(graph, call.q, call.k, call.lse, call.options, length_ + learned_, true, length_));
    tensors.mass = graph.keep(key_mass(graph, call.q, call.k, call.lse, call.options, {learned_}));
    calls_.push_back(tensors);
    layers_.resize(std::max(layers_.size(), calls_.size()), std::vector<Head>(heads_));
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (std::size_t layer = 0; layer < calls_.size(); ++layer) {
      const std::vector<float> alpha = executor.read_floats(calls_[layer].importance), mass = executor.read_floats(calls_[layer].mass);
      for (std::uint32_t row = 0; row < batch.rows; ++row) {
        for (std::uint32_t h = 0; h < heads_; ++h) {
          Head& head = layers_[layer][h];
          head.mass += static_cast<double>(mass[row * heads_ + h]);
          ++head.sequences;
          if (batch.first + row < static_cast<std::uint32_t>(settings_.sink_sequences))
            count(head, &alpha[(row * heads_ + h) * (length_ + learned_)]);
        }
      }
    }
  }

  void finish(Metrics& metrics) override {
    if (layers_.empty()) return;
    Head all;
    std::vector<std::vector<double>> score, ratio;
    for (const auto& layer : layers_) {
      auto &scores = score.emplace_back(), &ratios = ratio.emplace_back();
      for (const Head& head : layer) {
        scores.push_back(head.mass / head.sequences);
        ratios.push_back(100.0 * head.first / head.looked_at);
        all.mass += head.mass, all.sequences += head.sequences;
        all.first += head.first, all.early += head.early, all.learned += head.learned, all.looked_at += head.looked_at;
      }
    }
    metrics.set("sink_ratio", 100.0 * all.first / all.looked_at);
    metrics.set("sink_ratio_early", 100.0 * all.early / all.looked_at);
    if (learned_) metrics.set("sink_ratio_bias", 100.0 * all.learned / all.looked_at);
    metrics.set("sink_mass", all.mass / all.sequences);
    metrics.set("sink_score", score);
    metrics.set("sink_ratio_per_head", ratio);
  }

 private:
  struct Tensors {
    Tensor importance;  // (B, H, length + learned)
    Tensor mass;        // (B, H, 1)
  };
  struct Head {
    double mass = 0;
    double sequences = 0, looked_at = 0, first = 0, early = 0, learned = 0;
  };

  void count(Head& head, const float* alpha) const {
    const auto epsilon = static_cast<float>(settings_.sink_epsilon);
    const float* tokens = alpha + learned_;
    head.looked_at += 1;
    head.first += tokens[0] > epsilon;
    head.early += std::any_of(tokens, tokens + std::max(1u, length_ / 2), [&](float a) { return a > epsilon; });
    head.learned += learned_ && alpha[0] > epsilon;
  }

  ProbeSettings settings_;
  std::uint32_t heads_ = 0, length_ = 0, learned_ = 0;
  std::vector<Tensors> calls_;
  std::vector<std::vector<Head>> layers_;
};

const Probes::Registration registration("sinks",
                                        [](const ProbeSettings& settings, Settings&) { return std::make_unique<SinkProbe>(settings); });

}  // namespace
}  // namespace ablate
