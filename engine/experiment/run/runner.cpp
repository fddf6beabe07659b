#include "experiment/run/runner.h"

#include "base/signals.h"
#include "base/terminal.h"
#include "experiment/report/report.h"
#include "experiment/results.h"
#include "experiment/run/kind.h"
#include "experiment/table.h"
#include "ops/user/user_shader.h"

#include <algorithm>
#include <chrono>

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
  const DType wanted = precision.ends_with("bf16") ? DType::bf16 : precision.ends_with("f16") ? DType::f16 : DType::f32;
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
        tuner_(pipelines_, known_choices(),
               [this](const Choices& choices, std::size_t count, double seconds) { keep(choices, count, seconds); }),
        progress_(static_cast<int>(selected_.size()), stderr_is_terminal()) {}

  int run() {
    // Everything that can be wrong is found before anything is written.
    for (const std::size_t i : selected_) {
      PointRun run = point_run(i, {});
      kind_of(run).check(run);
    }
    fmt::print(stderr, "memory: {}\n", to_text(planned_memory()));
    ResultsFolder results(request_.out, request_.plan, request_.resume);
    for (const Point& point : request_.plan.points) configuration_.push_back(point.table);
    start_ = std::chrono::steady_clock::now();
    results.write_manifest(environment(), configuration_, 0);
    tuner_.choices().write(choices_file());
    int failed = 0;
    for (const std::size_t i : selected_) {
      if (request_.resume && results.finished(request_.plan.points[i])) {
        progress_.skip_point();
        continue;
      }
      failed += !run_point(results, i);
      if (results.manifest_due()) results.write_manifest(environment(), configuration_, seconds());
      if (seconds() - published_ > 10 * publishing_) publish(results);
    }
    publish(results);
    progress_.clear();
    print(results);
    return failed ? 1 : 0;
  }

  /// The largest need of the selected points, of the first planned_points.
  MemoryNeed planned_memory() {
    MemoryNeed most;
    const std::size_t count = std::min(selected_.size(), planned_points);
    for (std::size_t n = 0; n < count; ++n) {
      PointRun run = point_run(selected_[n], {});
      const MemoryNeed need = kind_of(run).memory(run);
      if (need.total() > most.total()) most = need;
    }
    return most;
  }

 private:
  static constexpr std::size_t planned_points = 64;  // a plan takes milliseconds; sweeps are of similar points

  DeviceOptions device_options() const {
    require(!request_.plan.points.empty(), "{}: has no points", request_.plan.source.string());
    Settings settings = request_.plan.points[0].settings();
    DeviceOptions options{request_.device, request_.without};
    if (options.choice.empty()) {
      const Value* device = settings.raw("device");
      if (device) options.choice = to_text(*device);
    }
    for (const std::string& word : settings.get<std::vector<std::string>>("without", {})) options.without += "," + word;
    return options;
  }

  // A resumed run keeps the kernels it started with, so that it keeps its bits; a new one those that were found on this device before.
  std::filesystem::path choices_file() const { return request_.out / request_.plan.name / "kernels.json"; }
  Choices known_choices() const {
    std::error_code error;
    return request_.resume && std::filesystem::exists(choices_file(), error) ? Choices::read(choices_file())
                                                                             : Choices::cached(device_.caps());
  }
  void keep(const Choices& choices, std::size_t count, double seconds) {
    choices.save(device_.caps());
    choices.write(choices_file());
    progress_.clear();
    fmt::print(stderr, "timed the kernels of {} matrix products for {} ({:.1f} s, once per device and driver)\n", count,
               device_.caps().device_name, seconds);
  }

  PointRun point_run(std::size_t i, const std::filesystem::path& folder) {
    const Point& point = request_.plan.points[i];
    Settings settings = point.settings();
    settings.raw("device");
    settings.raw("without");
    read_user_shaders(settings);
    return {pipelines_, request_.plan, point, settings, folder, progress_, cache_, tuner_, request_.resume, request_.profile, notes_};
  }

  static const ExperimentKind& kind_of(const PointRun& run) { return ExperimentKinds::find("kind", run.point.kind); }

  bool run_point(ResultsFolder& results, std::size_t i) {
    const Point& point = request_.plan.points[i];
    PointRun run = point_run(i, results.point(point));
    device_.reset_most_allocated();
    try {
      Metrics metrics = kind_of(run).run(run);
      configuration_[i] = run.settings.resolved();
      progress_.finish_point("");
      results.add(Row::of(point, std::move(metrics)));
      return true;
    } catch (const Interrupted&) {
      publish(results);
      progress_.clear();
      throw;
    } catch (const std::exception& error) {
      if (selected_.size() == 1) {
        publish(results);
        throw;
      }
      Row row = Row::of(point, {});
      row.error = error.what();
      results.add(row);
      progress_.finish_point(std::string("failed: ") + error.what());
      return false;
    }
  }

  /// Everything a reader opens, as it stands.
  void publish(ResultsFolder& results) {
    const double start = seconds();
    results.flush();
    results.write_manifest(environment(), configuration_, start);
    report::write_report(results.path());
    published_ = seconds(), publishing_ = published_ - start;
  }

  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

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

  void print(const ResultsFolder& results) const {
    fmt::print("{}\n{}", request_.plan.title, format_table(results.rows()));
    for (const Row& row : results.rows()) {
      const Metric* states = row.metrics.find("spike_per_state");
      const auto* values = states ? std::get_if<std::vector<double>>(states) : nullptr;
      if (!values || values->size() < 2) continue;
      fmt::print("\nLargest |h| of every residual state, {}:\n{}", row.label, plot_life_cycle(*values));
      break;
    }
    if (!request_.plan.description.empty()) fmt::print("\n{}\n", request_.plan.description);
    fmt::print("\nresults: {}\n", results.path().string());
  }

  const RunRequest& request_;
  std::vector<std::size_t> selected_;
  Instance instance_;
  Device device_;
  Pipelines pipelines_;
  Tuner tuner_;
  Progress progress_;
  WeightsCache cache_;
  std::vector<std::string> notes_;
  std::vector<Value> configuration_;
  std::chrono::steady_clock::time_point start_;
  double published_ = 0, publishing_ = 0;  // when the report was last written, and how long that took (seconds)
};

}  // namespace

int run_plan(const RunRequest& request) {
  catch_stop_signals();
  return Runner(request).run();
}

MemoryNeed planned_memory(const RunRequest& request) { return Runner(request).planned_memory(); }

}  // namespace ablate
