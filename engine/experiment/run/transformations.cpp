#include "experiment/run/transformations.h"

#include "base/paths.h"
#include "model/transformations/rotate.h"
#include "model/transformations/smooth.h"
#include "probe/ranges.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

const SectionRegistration registration{{"transformation", [](Settings& experiment) { Transformation::all(experiment); }}};

Transformation read(Settings& s) {
  Transformation t;
  t.action = s.choice(
      {"do",
       "what is done to the weights: smooth moves scales from activations to weights (SmoothQuant), rotate turns the residual stream by a Hadamard matrix"},
      "", {"smooth", "rotate"});
  t.where = s.where("do");
  if (t.action == "smooth") {
    t.alpha = s.number({"alpha", "of smooth: share of the activations' range that the weights take over"}, 0.5, 0.0, 1.0);
    if (s.has("statistics"))
      t.statistics =
          read_path(s, {"statistics", "file of recorded ranges or means, or @ID for those of another point of the run"}).string();
  } else {
    t.seed = static_cast<std::uint64_t>(s.number<std::int64_t>({"seed", "of rotate: of the signs in front of the Hadamard matrix"}, 0, 0));
  }
  t.write = s.get({"write", "write the transformed checkpoint to the point's folder"}, false);
  return t;
}

/// The hook point behind a norm that matrices of a layer read through.
std::string hook_behind(const std::string& norm) {
  const std::string layer = norm.substr(std::string("model.").size(), norm.rfind('.') - std::string("model.").size());  // "layers.3"
  return fmt::format("layer.{}.{}", layer.substr(layer.find('.') + 1), norm.ends_with(".input_layernorm") ? "attn_norm" : "ffn_norm");
}

std::map<std::string, RangesProbe::Range> calibrated(PointRun& run, const Transformation& t, const Weights& weights, DType activations,
                                                     const EvaluationData& data) {
  if (!t.statistics.empty()) return read_ranges(t.statistics);
  std::vector<std::string> hooks;
  for (const std::string& norm : norms_to_smooth(weights.config(), t.where)) hooks.push_back(hook_behind(norm));
  RangesProbe ranges(hooks, t.where, {});
  Evaluator(run.pipelines, weights, activations, data, &run.tuner).run({}, {&ranges});
  return ranges.ranges();
}

void smooth_by(PointRun& run, const Transformation& t, Weights& weights, DType activations, const EvaluationData& data) {
  const auto ranges = calibrated(run, t, weights, activations, data);
  std::map<std::string, std::vector<float>> largest;
  for (const std::string& norm : norms_to_smooth(weights.config(), t.where)) {
    const auto range = ranges.find(hook_behind(norm));
    require(range != ranges.end(), "{}: {} has no range of {}", t.where, t.statistics, hook_behind(norm));
    std::vector<float>& all = largest[norm];
    for (std::size_t j = 0; j < range->second.least.size(); ++j)
      all.push_back(std::max(std::abs(range->second.least[j]), std::abs(range->second.most[j])));
    require(all.size() == static_cast<std::size_t>(weights.config().d_model), "{}: the range of {} has {} channels, the model {}", t.where,
            hook_behind(norm), all.size(), weights.config().d_model);
    for (const float value : all)
      if (!std::isfinite(value)) throw RunError(fmt::format("{}: the range of {} is not finite", t.where, hook_behind(norm)));
  }
  smooth(weights, largest, t.alpha);
}

}  // namespace

std::vector<Transformation> Transformation::all(Settings& experiment) {
  std::vector<Transformation> all;
  for (Settings& table :
       experiment.tables({"transformation", "changes of the basis or scales of the weights that leave the losses as they are"}))
    all.push_back(read(table));
  return all;
}

TransformerConfig transformed_config(const std::vector<Transformation>& transformations, TransformerConfig config) {
  for (const Transformation& t : transformations) {
    if (t.action == "rotate") config = rotated_config(config, t.where);
    else norms_to_smooth(config, t.where);
  }
  return config;
}

std::shared_ptr<Weights> transform(PointRun& run, const std::vector<Transformation>& transformations, std::shared_ptr<Weights> weights,
                                   DType activations, const EvaluationData& data) {
  for (const Transformation& t : transformations) {
    if (t.action == "smooth") {
      smooth_by(run, t, *weights, activations, data);
    } else {
      const TransformerConfig config = rotated_config(weights->config(), t.where);
      const auto rotated = std::make_shared<Weights>(run.pipelines.device(), config, weights->compute_type(), WeightsUse::inference);
      rotate_residual(*weights, *rotated, t.seed);
      weights = rotated;
    }
    if (t.write) write_checkpoint(run.folder / "checkpoint", weights->config(), weights->tensors_to_write());
  }
  return weights;
}

}  // namespace ablate
