#include "experiment/run/runner.h"

#include "base/signals.h"
#include "base/terminal.h"
#include "experiment/results.h"
#include "experiment/run/devices.h"
#include "experiment/run/kind.h"
#include "experiment/run/outcome.h"
#include "ops/user/user_shader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>

#ifndef ABLATE_VERSION
#define ABLATE_VERSION "unknown"
#endif

namespace ablate {

void PointRun::note(const std::string& line) {
  if (std::find(notes.begin(), notes.end(), line) != notes.end()) return;
  notes.push_back(line);
  progress.clear();
  fmt::print(stderr, "note: {}\n", line);
}

DType usable_type(PointRun& run, const std::string& precision) {
  const DType wanted = activation_type(precision);
  const Caps& caps = run.pipelines.device().caps();
  if (wanted == DType::f32 || caps.storage16) return wanted;
  run.note(fmt::format("{} has no 16-bit storage: precision {} falls back to f32", caps.device_name, precision));
  return DType::f32;
}

namespace {

class Runner {
 public:
  explicit Runner(const RunRequest& request)
      : request_(request),
        selected_(select(request.plan, request.selection)),
        instance_(request.validation),
        device_(instance_, device_options()),
        pipelines_(device_),
        tuner_(pipelines_, known_choices(), [this](Choices& choices, std::size_t count, double seconds) { keep(choices, count, seconds); }),
        progress_(static_cast<int>(selected_.size()), stderr_is_terminal()) {}

  /// Everything that can be wrong is found before anything is written.
  void check() {
    for (const std::size_t i : selected_) {
      PointRun run = point_run(i, {});
      kind_of(run).check(run);
    }
    fmt::print(stderr, "memory: {}\n", to_text(planned_memory()));
  }

  int run() {
    check();
    ResultsFolder results(request_.out, request_.plan, request_.resume);
    Outcome outcome(request_.plan, results, [this] { return environment(); });
    own_folder();
    int failed = 0;
    for (const std::size_t i : selected_) {
      if (request_.resume && results.finished(request_.plan.points[i])) {
        progress_.skip_point();
        continue;
      }
      try {
        failed += !run_point(results, i, &outcome);
      } catch (const std::exception&) {
        outcome.publish();
        progress_.clear();
        throw;
      }
      outcome.update();
    }
    outcome.publish();
    progress_.clear();
    outcome.print();
    return failed ? 1 : 0;
  }

  /// The points whose numbers come by standard input, for a process that holds the folder (run/devices.cpp).
  int serve() {
    progress_.silence();
    ResultsFolder results = ResultsFolder::of_worker(request_.out, request_.plan);
    own_folder();
    for (std::string line; !stop_requested() && std::getline(std::cin, line);) {
      std::size_t i = request_.plan.points.size();
      std::from_chars(line.data(), line.data() + line.size(), i);
      require(i < request_.plan.points.size(), "--worker: there is no point {}", line);
      run_point(results, i, nullptr);
      tell("done");
    }
    for (const auto& [name, hash] : environment().shader_hashes) tell(fmt::format("shader {} {}", name, hash));
    for (const std::string& note : notes_) tell("note " + note);
    return 0;
  }

  /// The largest need of the selected points, of the first planned_points.
  MemoryNeed planned_memory() {
    MemoryNeed most;
    const std::size_t count = std::min(selected_.size(), planned_points);
    for (std::size_t n = 0; n < count; ++n) {
      PointRun run = point_run(selected_[n], {});
      run.plan_times_kernels = true;
      const PointPlan plan = kind_of(run).plan(run);
      if (const std::string reason = why_not(plan, device_); !reason.empty())
        throw DeviceError(fmt::format("{}: {}", run.point.label, reason));
      if (plan.memory.total() > most.total()) most = plan.memory;
    }
    return most;
  }

  Forecast forecast() {
    Forecast forecast{device_.caps().device_name, device_.free_memory(), selected_.size(), {}, {}};
    for (std::size_t n = 0; n < std::min(selected_.size(), planned_points); ++n) forecast.points.push_back(plan_point(selected_[n]));
    Pace pace;
    for (const char* kind : {"train", "probe", "intervene"}) {
      for (const PointForecast& point : forecast.points) {
        const Point& whole = request_.plan.points[point.index];
        if (whole.kind == kind && point.refusal.empty() && point.problem.empty() && calibrate(whole, point.plan, pace)) break;
      }
    }
    for (PointForecast& point : forecast.points)
      if (pace.known() && point.problem.empty()) point.seconds = pace.seconds(point.plan.work);
    forecast.notes = notes_;
    return forecast;
  }

  Environment environment() {
    const Caps& caps = device_.caps();
    Environment environment;
    environment.version = ABLATE_VERSION;
    environment.device = caps.device_name;
    environment.driver = fmt::format("{} {} (Vulkan {})", caps.driver_name, caps.driver_info, caps.api_version);
    environment.caps = caps.names();
    environment.masked = caps.masked;
    for (const auto& [name, hash] : pipelines_.library().hashes()) environment.shader_hashes[name] = fmt::format("{:016x}", hash);
    environment.notes = notes_;
    environment.command = request_.command;
    return environment;
  }

 private:
  static constexpr std::size_t planned_points = 64;  // a plan takes milliseconds; sweeps are of similar points

  DeviceOptions device_options() const {
    require(!request_.plan.points.empty(), "{}: has no points", request_.plan.source.string());
    Settings settings = request_.plan.points[0].settings();
    DeviceOptions options{.choice = request_.device, .without = request_.without, .one_by_one = request_.one_by_one};
    if (options.choice.empty()) {
      const Value* device = settings.raw("device");
      if (device) options.choice = to_text(*device);
    }
    for (const std::string& word : settings.get<std::vector<std::string>>("without", {})) options.without += "," + word;
    return options;
  }

  // A resumed run keeps the kernels it started with, so that it keeps its bits, and processes on devices alike have the same; a new run has
  // those that were found on this device before.
  std::filesystem::path choices_file() const { return request_.out / request_.plan.name / "kernels.json"; }
  Choices known_choices() const {
    Choices choices = Choices::cached(device_.caps());
    if (request_.resume) choices.take(choices_file(), device_.caps());
    return choices;
  }
  // From here on the folder says which kernels the run has, also those that were timed before.
  void own_folder() {
    owns_folder_ = true;
    tuner_.choices().share(choices_file(), device_.caps());
  }
  void keep(Choices& choices, std::size_t count, double seconds) {
    choices.save(device_.caps());
    if (owns_folder_) choices.share(choices_file(), device_.caps());
    if (count == 0) return;
    progress_.clear();
    if (!request_.worker)
      fmt::print(stderr, "timed the kernels of {} matrix products for {} ({:.1f} s, once per device and driver)\n", count,
                 device_.caps().device_name, seconds);
  }

  PointRun point_run(std::size_t i, const std::filesystem::path& folder) { return point_run(request_.plan.points[i], folder); }
  PointRun point_run(const Point& point, const std::filesystem::path& folder) {
    Settings settings = point.settings();
    settings.raw("device");
    settings.raw("without");
    read_user_shaders(settings);
    return {pipelines_,       request_.plan, point, settings, folder, progress_, cache_, tuner_, request_.resume || request_.worker,
            request_.profile, notes_};
  }

  PointForecast plan_point(std::size_t i) {
    PointForecast point;
    point.index = i;
    try {
      PointRun run = point_run(i, {});
      run.data = DataNeed::real_if_there;
      point.plan = kind_of(run).plan(run);
      point.refusal = why_not(point.plan, device_);
    } catch (const std::exception& error) {
      point.problem = error.what();
    }
    return point;
  }

  // Whether a small part of the point could be done.
  bool calibrate(const Point& whole, const PointPlan& plan, Pace& pace) {
    try {
      const Point part = part_of(whole, plan, device_);
      PointRun run = point_run(part, {});
      run.data = part.kind == "train" ? DataNeed::stand_in : DataNeed::real_if_there;
      kind_of(run).calibrate(run, pace);
      return true;
    } catch (const DeviceLost&) {
      throw;
    } catch (const std::exception&) {
      return false;
    }
  }

  static const ExperimentKind& kind_of(const PointRun& run) { return ExperimentKinds::find("kind", run.point.kind); }

  static void tell(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  // A point that fails becomes a row that says why. Throws what would fail all others too, and what the only one failed with.
  bool run_point(ResultsFolder& results, std::size_t i, Outcome* outcome) {
    const Point& point = request_.plan.points[i];
    PointRun run = point_run(i, results.point(point));
    device_.reset_most_allocated();
    try {
      Metrics metrics = kind_of(run).run(run);
      if (outcome) outcome->configure(i, run.settings.resolved());
      progress_.finish_point("");
      results.add(Row::of(point, std::move(metrics)));
      return true;
    } catch (const Interrupted&) {
      throw;
    } catch (const DeviceLost&) {
      throw;
    } catch (const std::exception& error) {
      Row row = Row::of(point, {});
      row.error = error.what();
      const bool only_one = selected_.size() == 1 && outcome;
      try {
        results.add(row);
      } catch (const std::exception&) {
        if (!only_one) throw;  // else what the point failed with says more
      }
      if (only_one) throw;
      progress_.finish_point(std::string("failed: ") + error.what());
      return false;
    }
  }

  const RunRequest& request_;
  std::vector<std::size_t> selected_;
  Instance instance_;
  Device device_;
  Pipelines pipelines_;
  Tuner tuner_;
  bool owns_folder_ = false;  ///< the results folder is locked by this process, or by the one that it works for
  Progress progress_;
  WeightsCache cache_;
  std::vector<std::string> notes_;
};

}  // namespace

int run_plan(const RunRequest& request) {
  catch_stop_signals();
  if (request.worker) return Runner(request).serve();
  if (request.devices.empty()) return Runner(request).run();
  const std::vector<std::string> devices = device_numbers(request.devices);
  Environment environment;
  {
    RunRequest first = request;
    first.device = devices.front();
    Runner runner(first);
    runner.check();
    environment = runner.environment();
  }
  if (devices.size() > 1) environment.notes.push_back(fmt::format("points were shared out among the devices {}", fmt::join(devices, ", ")));
  return run_on_devices(request, devices, std::move(environment));
}

Forecast forecast(const RunRequest& request) { return Runner(request).forecast(); }

MemoryNeed planned_memory(const RunRequest& request) { return Runner(request).planned_memory(); }

}  // namespace ablate
