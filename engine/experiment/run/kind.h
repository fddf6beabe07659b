// What an experiment can be: `kind = "probe" | "intervene" | "train"`. A kind registers itself in its own file.
#pragma once

#include "base/metrics.h"
#include "base/registry.h"
#include "experiment/fingerprint.h"
#include "experiment/plan.h"
#include "experiment/progress.h"
#include "experiment/run/point_plan.h"
#include "model/weights.h"
#include "ops/tune_matmul.h"
#include "probe/evaluation.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

/// Weights of the last point, for sweeps that look at one checkpoint in many ways.
struct WeightsCache {
  /// Of all that decides them: the fingerprint without the tables that say what is done with them, and the type they are kept in.
  std::string key;
  std::shared_ptr<const Weights> weights;
};

/// Whose tokens a point sees: its own; its own or, where a file of them is not there, random ones; random ones.
enum class DataNeed { real, real_if_there, stand_in };

class Collective;

/// One point being run, and everything around it.
struct PointRun {
  Pipelines& pipelines;
  const Plan& plan;
  const Point& point;
  RegistrationScope shaders;     ///< the point's own
  Settings settings;             ///< a reader of point.table
  std::filesystem::path folder;  ///< points/<id>
  Progress& progress;
  WeightsCache& cache;
  Tuner& tuner;
  bool resume = false;
  bool profile = false;             ///< write where a training step's time goes to profile.csv
  std::vector<std::string>& notes;  ///< fallbacks taken, for the manifest; also printed
  DataNeed data = DataNeed::real;
  Fingerprint fingerprint = {};     ///< of a point that is run, not only checked or planned
  Collective* ranks = nullptr;      ///< those that train together; null: this process alone
  bool together = false;            ///< the other ranks are at the same point, and what fails here fails them
  bool plan_times_kernels = false;  ///< a plan times kernels before it counts their memory, as the run after it would
  /// To be called now and then, with true where there is something new: whoever shows the run may look at its folder.
  std::function<void(bool fresh)> look = [](bool) {};

  std::uint64_t seed() { return static_cast<std::uint64_t>(settings.get<std::int64_t>("seed", 0)); }
  /// Prints a line above the progress bar and keeps it for the manifest, once.
  void note(const std::string& line);
};

struct ExperimentKind {
  /// Tables, or keys of them, that this kind reads and not every other: "train", "train.init_rule", "intervention".
  std::vector<std::string> tables;
  /// Finds everything that can be wrong before anything is computed or written, as far as it does not depend on what will be computed: reads
  /// settings and files, opens the data, builds every graph that the run would. Throws InputError, or DeviceError for what no memory helps;
  /// what does not fit is in the plan.
  std::function<PointPlan(PointRun&)> prepare;
  std::function<Metrics(PointRun&)> run;
  /// Does a small part of the point, for the time it takes.
  std::function<void(PointRun&, Pace&)> calibrate;
  /// What a row of the point may hold; reads settings and no files but shaders.
  std::function<MetricNames(Settings& experiment)> yields;
};
using ExperimentKinds = Registry<ExperimentKind>;

/// The element type that `precision` ("f16", "mixed-bf16", ...) asks for, or f32 with a note when the device cannot store it.
DType usable_type(PointRun& run, const std::string& precision);

/// Adds the work of `graph`, done `times` times, to a plan; returns the bytes of its intermediates.
std::uint64_t plan_graph(PointPlan& plan, const Device& device, const Graph& graph, double times);
/// Adds that of an evaluation in the memory that the rest of the plan leaves free.
void plan_evaluation(PointPlan& plan, const Device& device, Evaluator& evaluator, const Hooks& hooks, const std::vector<Probe*>& probes,
                     double times);

}  // namespace ablate
