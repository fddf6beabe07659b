// kind = "statistic": a number for every token at hook points, `[probe] statistics = ["NAME"]`. [probe.NAME] at = "residual.*" says where.
//   NAME, NAME_first, NAME_max    per hook point: mean over all tokens, mean over the sequences' first tokens, largest
#include "ops/statistics/user_statistic.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/probe.h"

#include <algorithm>
#include <limits>

namespace ablate {
namespace {

class UserStatisticProbe : public Probe {
 public:
  UserStatisticProbe(UserShaderHandle shader, Settings& own)
      : shader_(std::move(shader)), pattern_(own.get({"at", "hook points, by name or pattern"}, "residual.*")), where_(own.where("at")) {}

  void begin(const TransformerConfig& config, std::uint32_t, std::uint32_t) override {
    for (const Hook& hook : matching_tensors(config, pattern_, where_))
      require(hook.every_sequence, "{}: \"{}\" names {}, which is the same for all sequences", where_, pattern_, hook.name());
    tensors_.clear();
  }

  bool wants_logits() const override { return hook_matches(pattern_, {.site = Site::logits}); }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (!hook_matches(pattern_, hook)) return;
    tensors_.push_back(graph.keep(user_statistic(graph, *shader_, x)));
    if (tensors_.size() > points_.size()) points_.push_back({.name = hook.name()});
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (std::size_t n = 0; n < tensors_.size(); ++n) {
      Point& point = points_[n];
      const std::vector<float> values = executor.read_floats(tensors_[n]);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double value = static_cast<double>(values[i]);
        point.all.add(value);
        if (i % batch.tokens == 0) point.first.add(value);
        raise(point.largest, value);
      }
    }
  }

  MetricNames yields() const override {
    const std::string& name = shader_->name;
    return {.numbers = {}, .lists = {name, name + "_first", name + "_max"}};
  }
  void finish(Metrics& metrics) override {
    std::vector<double> mean, first, largest;
    std::vector<std::string> names;
    for (const Point& point : points_) {
      names.push_back(point.name);
      mean.push_back(point.all.value());
      first.push_back(point.first.value());
      largest.push_back(point.largest);
    }
    metrics.set(shader_->name, mean);
    metrics.set(shader_->name + "_first", first);
    metrics.set(shader_->name + "_max", largest);
    add_figure(metrics, {.kind = "line",
                         .title = shader_->name,
                         .caption = fmt::format("{} at {}: mean over all tokens, and over the first token of every sequence.",
                                                shader_->name, pattern_),
                         .x = {.label = "hook point", .categories = names},
                         .y = {.label = shader_->name},
                         .series = {{.name = "all tokens", .y = mean}, {.name = "first token", .y = first}}});
  }

 private:
  struct Point {
    std::string name;
    Mean all{}, first{};
    double largest = -std::numeric_limits<double>::infinity();
  };
  UserShaderHandle shader_;
  std::string pattern_, where_;
  std::vector<Tensor> tensors_;  // (B * T) per hook point
  std::vector<Point> points_;
};

void add(RegistrationScope& scope, const UserShaderHandle& shader, Settings&) {
  scope.set(Probes::all(), shader->name,
            [shader](const ProbeSettings&, Settings& own) { return std::make_unique<UserStatisticProbe>(shader, own); });
}

const UserShaderKinds::Registration registration("statistic", {.forward_include = "user/functions/statistic.glsl",
                                                               .forward_kernel = "user/statistic",
                                                               .backward_include = "",
                                                               .backward_kernel = "",
                                                               .taken = Probes::has,
                                                               .add = add});

}  // namespace
}  // namespace ablate
