#include "experiment/run/runner.h"

#include "base/signals.h"
#include "base/terminal.h"
#include "collective/collective.h"
#include "experiment/needs.h"
#include "experiment/results.h"
#include "experiment/run/claimed_metrics.h"
#include "experiment/run/devices.h"
#include "experiment/run/kind.h"
#include "experiment/run/outcome.h"
#include "experiment/run/ranks.h"
#include "experiment/shared_points.h"
#include "ops/user/user_shader.h"
#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#ifndef ABLATE_VERSION
#define ABLATE_VERSION "unknown"
#endif

namespace ablate {

namespace {

void add_note(std::vector<std::string>& notes, Progress& progress, const std::string& line) {
  if (line.empty() || std::find(notes.begin(), notes.end(), line) != notes.end()) return;
  notes.push_back(line);
  progress.say("note: " + line);
}

}  // namespace

void PointRun::note(const std::string& line) { add_note(notes, progress, line); }

DType usable_type(PointRun& run, const std::string& precision) {
  const DType wanted = activation_type(precision);
  const Caps& caps = run.pipelines.device().caps();
  if (wanted == DType::f32 || caps.storage16) return wanted;
  run.note(fmt::format("{} has no 16-bit storage: precision {} falls back to f32", caps.device_name, precision));
  return DType::f32;
}

namespace {

// The selected points' settings, so far as they can be read without a device.
void read_points(RunRequest& request) {
  require(!request.plan.points.empty(), "{}: has no points", request.plan.source.string());
  for (const Turn& turn : run_order(request.plan, select(request.plan, request.selection))) resolve(request.plan.points[turn.index]);
  settle_claimed_metrics(request.plan);
}

// What --device says, or the file; empty: the best there is.
std::string chosen_device(const RunRequest& request) {
  const Value* device = request.device.empty() ? find(request.plan.points[0].table, "device") : nullptr;
  return device ? to_text(*device) : request.device;
}

class Runner {
 public:
  explicit Runner(const RunRequest& request)
      : request_(request),
        turns_(request.worker ? std::vector<Turn>() : run_order(request.plan, select(request.plan, request.selection))),
        instance_(request.validation),
        device_(instance_, device_options()),
        pipelines_(device_),
        tuner_(pipelines_, known_choices(), [this](Choices& choices, std::size_t count, double seconds) { keep(choices, count, seconds); }),
        progress_(static_cast<int>(turns_.size()), stderr_is_terminal()) {}

  /// Everything that can be wrong is found before anything is written. Throws InputError; DeviceError for the first point that does not fit.
  void check() {
    note_plan();
    const std::string need = to_text(planned_memory());
    for (const Turn& turn : turns_) fingerprint_of(request_.plan, request_.plan.points[turn.index]);  // reads what its files hold
    tell("memory: {}\n", need);
  }

  int run() {
    check();
    ResultsFolder results(request_.out, request_.plan, request_.resume);
    for (const std::string& line : results.notes()) note(line);
    Outcome outcome(request_.plan, results, [this] { return environment(); });
    own_folder();
    if (request_.started) request_.started();
    int failed = 0;
    const std::vector<std::size_t> alike = first_alike(request_.plan);
    for (const Turn& turn : turns_) {
      const Point& point = request_.plan.points[turn.index];
      if ((request_.resume && results.finished(turn)) || (turn.has_row && results.add_alike(point, alike))) {
        progress_.skip_point();
        outcome.configure(turn.index, resolve(point));
        continue;
      }
      try {
        failed += !run_point(results, turn, &outcome);
      } catch (const std::exception&) {
        outcome.publish();
        progress_.clear();
        throw;
      }
      outcome.update();
    }
    note_caches();
    outcome.publish();
    progress_.clear();
    outcome.print();
    if (request_.ranks) next_point(*request_.ranks, {});
    return failed || (request_.strict && outcome.claims_fail()) ? 1 : 0;
  }

  /// The points whose numbers come by standard input, for a process that holds the folder (run/devices.cpp).
  int serve() {
    progress_.silence();
    ResultsFolder results = ResultsFolder::of_worker(request_.out, request_.plan);
    own_folder();
    for (std::string line; !stop_requested() && std::getline(std::cin, line);) {
      Turn turn{request_.plan.points.size(), !line.ends_with(" needed")};
      std::from_chars(line.data(), line.data() + line.size(), turn.index);
      require(turn.index < request_.plan.points.size(), "--worker: there is no point {}", line);
      run_point(results, turn, nullptr);
      report("done");
    }
    note_caches();
    for (const auto& [name, hash] : environment().shader_hashes) report(fmt::format("shader {} {}", name, hash));
    for (const std::string& line : notes_) report("note " + line);
    return 0;
  }

  /// The points that rank 0 begins to train.
  int follow() {
    progress_.silence();
    while (const std::optional<std::size_t> point = next_point(*request_.ranks, {})) {
      PointRun run = point_run(*point, {});
      try {
        kind_of(run).run(run);
      } catch (const StepFailed&) {
        continue;  // on rank 0 too, which writes the row
      }
    }
    return 0;
  }

  /// Prepares every point; those that differ only in what no graph depends on (shape_of) share it.
  std::vector<PointForecast> prepare(DataNeed data, bool time_kernels) {
    std::vector<PointForecast> points;
    std::map<std::string, std::size_t> alike;
    for (const Turn& turn : turns_) {
      const auto [same, first] = alike.emplace(shape_of(request_.plan.points[turn.index]), points.size());
      if (first) points.push_back(prepare(turn.index, data, time_kernels && points.size() < timed_points));
      else points.push_back(points[same->second]);
      points.back().index = turn.index;
    }
    return points;
  }

  /// The largest need of the selected points. Throws as check().
  MemoryNeed planned_memory() {
    MemoryNeed most;
    for (const PointForecast& point : prepare(DataNeed::real, true)) {
      require_fit(request_.plan, point);
      if (point.plan.memory.total() > most.total()) most = point.plan.memory;
    }
    return most;
  }

  Forecast forecast() {
    note_plan();
    Forecast forecast{device_.caps().device_name, device_.free_memory(), prepare(DataNeed::real_if_there, false), {}, {}};
    Pace pace;
    for (const char* kind : {"train", "probe", "intervene"}) {
      for (const PointForecast& point : forecast.points) {
        const Point& whole = request_.plan.points[point.index];
        if (whole.kind == kind && point.refusal.empty() && calibrate(whole, point.plan, pace)) break;
      }
    }
    for (PointForecast& point : forecast.points)
      if (pace.known()) point.seconds = pace.seconds(point.plan.work);
    const std::vector<std::size_t> alike = first_alike(request_.plan);
    std::map<std::size_t, std::size_t> runs;  // by what comes to the same, the one that is run
    for (PointForecast& point : forecast.points)
      if (const std::size_t first = runs.emplace(alike[point.index], point.index).first->second; first != point.index)
        point.taken_from = first;
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
  static constexpr std::size_t timed_points = 64;  // whose kernels are timed before the run starts rather than when their turn comes

  // What decides a point's graphs and what they read: all but what changes numbers alone.
  static std::string shape_of(const Point& point) {
    Value table = point.table;
    for (const char* key : {"seed", "train.lr", "train.min_lr_ratio", "train.warmup"}) erase(table, key);
    return to_json(table, -1);
  }

  PointForecast prepare(std::size_t i, DataNeed data, bool time_kernels) {
    PointForecast point;
    point.index = i;
    PointRun run = point_run(i, {});
    run.data = data;
    run.plan_times_kernels = time_kernels;
    try {
      point.plan = kind_of(run).prepare(run);
      point.refusal = why_not(point.plan, device_);
    } catch (const DeviceError& error) {
      point.refusal = error.what();
    }
    return point;
  }

  DeviceOptions device_options() const {
    Settings settings = request_.plan.points[0].settings();
    DeviceOptions options{.choice = chosen_device(request_), .without = request_.without, .one_by_one = request_.one_by_one};
    for (const std::string& word : settings.get<std::vector<std::string>>("without", {})) options.without += "," + word;
    if (options.choice.empty() && request_.ranks && request_.ranks->rank_on_host() > 0)
      options.choice = device_of_rank(instance_, request_.ranks->rank_on_host());
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
    note(choices.save(device_.caps()));
    if (owns_folder_) choices.share(choices_file(), device_.caps());
    if (count == 0) return;
    progress_.say(fmt::format("timed the kernels of {} matrix products for {} ({:.1f} s, once per device and driver)", count,
                              device_.caps().device_name, seconds));
  }

  PointRun point_run(std::size_t i, const std::filesystem::path& folder) { return point_run(request_.plan.points[i], folder); }
  PointRun point_run(const Point& point, const std::filesystem::path& folder) {
    Settings settings = point.settings();
    settings.raw("device");
    settings.raw("without");
    PointRun run{pipelines_, request_.plan, point,  read_user_shaders(settings),        settings,         folder,
                 progress_,  cache_,        tuner_, request_.resume || request_.worker, request_.profile, notes_};
    run.ranks = request_.ranks;
    return run;
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

  // To the process that holds the folder, which may be gone: then there is nothing to report.
  static void report(const std::string& line) { write_output(line + "\n"); }

  void note(const std::string& line) { add_note(notes_, progress_, line); }

  void note_plan() {
    for (const std::string& line : request_.plan.notes) note(line);
  }

  void note_caches() {
    note(device_.save_pipeline_cache());
    note(pipelines_.library().cache_trouble());
  }

  static void add(ResultsFolder& results, const Turn& turn, const Row& row) { turn.has_row ? results.add(row) : results.add_needed(row); }

  // A point that fails becomes a row that says why. Throws what would fail all others too, and what the only one failed with.
  bool run_point(ResultsFolder& results, const Turn& turn, Outcome* outcome) {
    const Point& point = request_.plan.points[turn.index];
    PointRun run = point_run(point, turn.has_row ? results.point(point) : results.needed(point));
    if (outcome) run.look = [outcome](bool fresh) { outcome->look(fresh); };
    if (!turn.has_row) run.note(fmt::format("{} is run too: others take what it records", point.id));
    device_.reset_most_allocated();
    run.together = request_.ranks && point.kind == "train";
    if (run.together) next_point(*request_.ranks, turn.index);
    try {
      run.fingerprint = results.fingerprint(point);
      Metrics metrics = kind_of(run).run(run);
      if (outcome) outcome->configure(turn.index, run.settings.resolved());
      progress_.finish_point("");
      add(results, turn, row_of(point, std::move(metrics)));
      return true;
    } catch (const Interrupted&) {
      throw;
    } catch (const DeviceLost&) {
      throw;
    } catch (const std::exception& error) {
      if (run.together && !dynamic_cast<const StepFailed*>(&error)) throw RankFailed(error.what());
      Row row = row_of(point, {});
      row.error = error.what();
      const bool only_one = outcome && std::count_if(turns_.begin(), turns_.end(), [](const Turn& other) { return other.has_row; }) == 1;
      try {
        add(results, turn, row);
      } catch (const std::exception&) {
        if (!only_one) throw;  // else what the point failed with says more
      }
      if (only_one) throw;
      progress_.finish_point(std::string("failed: ") + error.what());
      return false;
    }
  }

  const RunRequest& request_;
  std::vector<Turn> turns_;
  Instance instance_;
  Device device_;
  Pipelines pipelines_;
  Tuner tuner_;
  bool owns_folder_ = false;  ///< the results folder is locked by this process, or by the one that it works for
  Progress progress_;
  WeightsCache cache_;
  std::vector<std::string> notes_;
};

// --without counts as if every point said it: it decides kernels, and so the last bits.
RunRequest with_masks_in_points(RunRequest request) {
  if (request.without.empty()) return request;
  for (Point& point : request.plan.points) {
    const auto own = point.settings().get<std::vector<std::string>>("without", {});
    std::set<std::string> words(own.begin(), own.end());
    std::istringstream more(request.without);
    for (std::string word; std::getline(more, word, ',');)
      if (!word.empty()) words.insert(word);
    Value::Array list;
    for (const std::string& word : words) list.push_back({word, "--without"});
    assign(point.table, "without", {std::move(list), "--without"});
  }
  return request;
}

}  // namespace

int run_plan(const RunRequest& asked) {
  catch_stop_signals();
  RunRequest request = with_masks_in_points(asked);
  if (request.worker) return Runner(request).serve();
  read_points(request);
  if (request.ranks && request.ranks->rank() > 0) return Runner(request).follow();
  require(!request.ranks || request.devices.empty(), "--devices: each rank has a device of its own, leave it out under mpirun");
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

void require_fit(const Plan& plan, const PointForecast& point) {
  if (!point.refusal.empty()) throw DeviceError(fmt::format("{}: {}", plan.points[point.index].label, point.refusal));
}

Forecast forecast(const RunRequest& asked) {
  RunRequest request = asked;
  read_points(request);
  std::optional<Runner> runner;
  try {
    runner.emplace(request);
  } catch (const DeviceError& error) {
    if (!chosen_device(request).empty()) throw;
    Forecast none;
    none.no_device = error.what();
    return none;
  }
  return runner->forecast();
}

MemoryNeed planned_memory(const RunRequest& request) { return Runner(request).planned_memory(); }

}  // namespace ablate
