// Attention sinks. Importance of key k (Gu et al. 2025, arXiv 2410.10781): the weight on k averaged over the queries that may see it.
//   sink_ratio        percent of (sequence, layer, head) whose first-token importance exceeds sink_epsilon, sequences cut to sink_length tokens
//   sink_ratio_early  percent where some position of the first half does (eq. 28 of arXiv 2603.05498)
//   sink_ratio_bias   percent where the learned key does (models with attention_bias k or kv)
//   sink_mass         mean attention on key 0, over all sequences, layers, heads and queries
//   sink_score        (layers, heads): the same per head
//   sink_ratio_per_head  (layers, heads): percent of sequences
// Attention blocks that an intervention leaves out do not count, nor do layers that have another mixer: NaN in the lists. A head's share of sequences is NaN where a sequence's importance is.
#include "ops/attention_statistics.h"
#include "probe/mean.h"
#include "probe/mixers.h"
#include "probe/probe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace ablate {
namespace {

class SinkProbe : public Probe {
 public:
  explicit SinkProbe(const ProbeSettings& settings) : settings_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t, std::uint32_t tokens) override {
    heads_ = static_cast<std::uint32_t>(config.n_heads);
    length_ = std::min(tokens, static_cast<std::uint32_t>(settings_.sink_length));
    calls_.clear();
    layers_.resize(static_cast<std::size_t>(config.mixing_blocks()), std::vector<Head>(heads_));
    notes_ = why_not_all_layers(config, "attention sinks");
  }

  void attention(Graph& graph, const AttentionCall& call) override {
    learned_ = call.options.k_bias ? 1 : 0;
    Tensors tensors;
    tensors.importance = graph.keep(importance(graph, call.q, call.k, call.lse, call.options, length_ + learned_, true, length_));
    tensors.mass = graph.keep(key_mass(graph, call.q, call.k, call.lse, call.options, {learned_}));
    const auto layer = static_cast<std::size_t>(call.index);
    calls_[layer] = tensors;
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (const auto& [layer, tensors] : calls_) {
      const std::vector<float> alpha = executor.read_floats(tensors.importance), mass = executor.read_floats(tensors.mass);
      for (std::uint32_t row = 0; row < batch.rows; ++row) {
        for (std::uint32_t h = 0; h < heads_; ++h) {
          Head& head = layers_[layer][h];
          head.mass.add(static_cast<double>(mass[row * heads_ + h]));
          if (batch.first + row < static_cast<std::uint32_t>(settings_.sink_sequences))
            count(head, &alpha[(row * heads_ + h) * (length_ + learned_)]);
        }
      }
    }
  }

  std::vector<std::string> notes() const override { return notes_; }
  MetricNames yields() const override {
    return {.numbers = {"sink_ratio", "sink_ratio_early", "sink_ratio_bias", "sink_mass"}, .lists = {"sink_score", "sink_ratio_per_head"}};
  }
  void finish(Metrics& metrics) override {
    Head all;
    std::vector<std::vector<double>> score, ratio;
    for (const auto& layer : layers_) {
      auto &scores = score.emplace_back(), &ratios = ratio.emplace_back();
      for (const Head& head : layer) {
        scores.push_back(head.mass.value());
        ratios.push_back(head.first.value());
        all.add(head);
      }
    }
    set_mean(metrics, "sink_ratio", all.first);
    set_mean(metrics, "sink_ratio_early", all.early);
    if (learned_) set_mean(metrics, "sink_ratio_bias", all.learned);
    set_mean(metrics, "sink_mass", all.mass);
    if (!all.mass.any()) return;
    metrics.set("sink_score", score);
    metrics.set("sink_ratio_per_head", ratio);
  }

 private:
  struct Tensors {
    Tensor importance;  // (B, H, length + learned)
    Tensor mass;        // (B, H, 1)
  };
  struct Head {
    Mean mass;                   // over sequences
    Mean first, early, learned;  // percent of the sequences looked at

    void add(const Head& other) {
      for (Mean Head::*mean : {&Head::mass, &Head::first, &Head::early, &Head::learned})
        (this->*mean).sum += (other.*mean).sum, (this->*mean).count += (other.*mean).count;
    }
  };

  // 100 where one of the importances exceeds epsilon, else 0; NaN where that cannot be told.
  double percent(const float* begin, const float* end) const {
    const auto epsilon = static_cast<float>(settings_.sink_epsilon);
    if (std::any_of(begin, end, [](float a) { return std::isnan(a); })) return std::numeric_limits<double>::quiet_NaN();
    return std::any_of(begin, end, [&](float a) { return a > epsilon; }) ? 100 : 0;
  }

  void count(Head& head, const float* alpha) const {
    const float* tokens = alpha + learned_;
    head.first.add(percent(tokens, tokens + 1));
    head.early.add(percent(tokens, tokens + std::max(1u, length_ / 2)));
    if (learned_) head.learned.add(percent(alpha, alpha + 1));
  }

  ProbeSettings settings_;
  std::uint32_t heads_ = 0, length_ = 0, learned_ = 0;
  std::vector<std::string> notes_;
  std::map<std::size_t, Tensors> calls_;  // by attention block
  std::vector<std::vector<Head>> layers_;
};

const Probes::Registration registration("sinks",
                                        [](const ProbeSettings& settings, Settings&) { return std::make_unique<SinkProbe>(settings); });

}  // namespace
}  // namespace ablate
