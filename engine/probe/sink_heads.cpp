// What a sink head sees (Figure 6 of arXiv 2603.05498): queries, keys and the sink's keys of the head with most attention on the first key
// and of the one with least, in two dimensions. Its table:
//   head = [layer, head], other = [layer, head]    other choices
//   points = 480       how many queries and keys are drawn, up to 500, evenly over the data; changes no metric
// Metrics:
//   sink_head, other_head                  (layer, head, score)
//   sink_head_values, other_head_values    mean |v| of the first token, and of the others (key-value head that the head reads)
//   sink_head_cosine, other_head_cosine    mean cosine of queries with first tokens' keys, and with other keys, over all pairs
// In sequences of one token there are no others: NaN.
#include "base/settings.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/projection.h"
#include "probe/sink_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace ablate {
namespace {

using Row = std::vector<double>;

double norm(const Row& v) { return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0)); }

Row unit(Row v) {
  const double length = std::max(norm(v), 1e-300);
  for (double& x : v) x /= length;
  return v;
}

// The sum of directions. The mean cosine over all pairs of two sets is the product of their mean directions.
struct Directions {
  Row sum;
  double count = 0;

  void add(const Row& v) {
    sum.resize(v.size());
    const Row direction = unit(v);
    for (std::size_t i = 0; i < v.size(); ++i) sum[i] += direction[i];
    ++count;
  }
  double mean_cosine(const Directions& other) const {
    if (count == 0 || other.count == 0) return std::numeric_limits<double>::quiet_NaN();
    return std::inner_product(sum.begin(), sum.end(), other.sum.begin(), 0.0) / (count * other.count);
  }
};

// Everything that is kept of one head.
struct Watched {
  SinkScores::Head head;
  Tensor q, k, v;  // (B, T, H * hd)
  Points queries, keys, sink_keys;
  Directions all_queries, first_keys, other_keys;
  Mean first_value, other_values;
  std::size_t seen = 0;
};

class SinkHeadsProbe : public Probe {
 public:
  explicit SinkHeadsProbe(Settings& own)
      : where_(own.where("head")),
        head_(own.get<std::vector<int>>(
            {"head", "[layer, head] of the sink head looked at; the one with most attention on the first token if absent"}, {})),
        other_(own.get<std::vector<int>>({"other", "[layer, head] of the head it is compared with; the one with least if absent"}, {})),
        points_(static_cast<std::size_t>(own.number({"points", "points of the projections that are listed"}, 480, 8, 500))) {
    for (const auto* choice : {&head_, &other_}) require(choice->empty() || choice->size() == 2, "{}: expected [layer, head]", where_);
  }

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override {
    heads_ = static_cast<std::size_t>(config.n_heads), kv_heads_ = static_cast<std::size_t>(config.n_kv_heads),
    head_dim_ = static_cast<std::size_t>(config.head_dim);
    if (watched_.empty()) scores_.begin(config, rows, tokens);
  }

  void attention(Graph& graph, const AttentionCall& call) override {
    if (watched_.empty()) scores_.attention(graph, call);
    for (Watched& w : watched_)
      if (w.head.layer == call.index) w.q = graph.keep(call.q), w.k = graph.keep(call.k), w.v = graph.keep(call.v);
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    if (watched_.empty()) {
      scores_.collect(executor, batch);
      tokens_seen_ += std::size_t{batch.rows} * batch.tokens;
    }
    for (Watched& w : watched_) collect_head(executor, batch, w);
  }

  bool again() override {
    if (!watched_.empty() || scores_.heads().empty()) return false;
    watched_.resize(2);
    watched_[0].head = choose(head_, scores_.strongest());
    watched_[1].head = choose(other_, scores_.weakest());
    return true;
  }

  MetricNames yields() const override {
    return {.numbers = {},
            .lists = {"sink_head", "sink_head_values", "sink_head_cosine", "other_head", "other_head_values", "other_head_cosine"}};
  }
  void finish(Metrics& metrics) override {
    if (watched_.empty()) return;  // every attention block is left out
    report(metrics, watched_[0], "sink_head", "Sink head");
    report(metrics, watched_[1], "other_head", "Head without a sink");
  }

 private:
  SinkScores::Head choose(const std::vector<int>& wanted, const SinkScores::Head& found) const {
    if (wanted.empty()) return found;
    for (const SinkScores::Head& head : scores_.heads())
      if (head.layer == wanted[0] && head.head == wanted[1]) return head;
    bad_input("{}: the model has no head {} in layer {}", where_, wanted[1], wanted[0]);
  }

  // A third of the points each may be queries, keys and sink keys.
  void collect_head(Executor& executor, const ProbeBatch& batch, Watched& w) const {
    const std::vector<float> q = executor.read_floats(w.q), k = executor.read_floats(w.k), v = executor.read_floats(w.v);
    const auto head = static_cast<std::size_t>(w.head.head), kv_head = head / (heads_ / kv_heads_);
    const std::size_t step =
        std::max<std::size_t>(1, (3 * tokens_seen_ + points_ - 1) / points_) | 1;  // odd: does not fall in step with common lengths
    for (std::size_t i = 0; i < std::size_t{batch.rows} * batch.tokens; ++i, ++w.seen) {
      const bool first = i % batch.tokens == 0;
      (first ? w.first_value : w.other_values).add(norm(head_row(v, i, kv_heads_, kv_head, head_dim_)));
      const Row query = head_row(q, i, heads_, head, head_dim_), key = head_row(k, i, kv_heads_, kv_head, head_dim_);
      w.all_queries.add(query);
      (first ? w.first_keys : w.other_keys).add(key);
      if (first && w.sink_keys.size() < points_ / 3) w.sink_keys.push_back(key);
      if (w.seen % step != step / 2) continue;
      w.queries.push_back(query);
      if (!first) w.keys.push_back(key);
    }
  }

  static void report(Metrics& metrics, const Watched& w, const std::string& name, const std::string& title) {
    metrics.set(name, std::vector<double>{static_cast<double>(w.head.layer), static_cast<double>(w.head.head), w.head.score});
    metrics.set(name + "_values", std::vector<double>{w.first_value.value(), w.other_values.value()});
    metrics.set(name + "_cosine", std::vector<double>{w.all_queries.mean_cosine(w.first_keys), w.all_queries.mean_cosine(w.other_keys)});
    Points all = w.queries;
    all.insert(all.end(), w.keys.begin(), w.keys.end());
    all.insert(all.end(), w.sink_keys.begin(), w.sink_keys.end());
    const std::string which =
        fmt::format("layer {}, head {}, {:.0f} % of its attention on the first key", w.head.layer, w.head.head, 100 * w.head.score);
    const Components components = principal_components(all);
    draw(metrics, w, components.points, title + ": principal components",
         fmt::format("{}. The two components hold {:.0f} % and {:.0f} % of the variance.", which, 100 * components.explained[0],
                     100 * components.explained[1]),
         "component");
    draw(metrics, w, tsne(all), title + ": t-SNE", which + ".", "dimension");
  }

  static void draw(Metrics& metrics, const Watched& w, const Plane& plane, const std::string& title, const std::string& caption,
                   const std::string& axis) {
    std::vector<FigureSeries> series;
    std::size_t next = 0;
    const auto take = [&](const char* name, std::size_t count) {
      FigureSeries one{.name = name};
      for (; count > 0; --count, ++next) one.x.push_back(plane[next][0]), one.y.push_back(plane[next][1]);
      if (!one.x.empty()) series.push_back(one);
    };
    take("queries", w.queries.size());
    take("keys", w.keys.size());
    take("keys of the first token", w.sink_keys.size());
    add_figure(metrics, {.kind = "scatter",
                         .title = title,
                         .caption = caption,
                         .x = {.label = axis + " 1"},
                         .y = {.label = axis + " 2"},
                         .series = series});
  }

  std::string where_;
  std::vector<int> head_, other_;
  std::size_t points_, heads_ = 0, kv_heads_ = 0, head_dim_ = 0, tokens_seen_ = 0;
  SinkScores scores_;
  std::vector<Watched> watched_;  // after the first pass
};

const Probes::Registration registration("sink_heads",
                                        [](const ProbeSettings&, Settings& own) { return std::make_unique<SinkHeadsProbe>(own); });

}  // namespace
}  // namespace ablate
