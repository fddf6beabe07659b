#include "experiment/run/devices.h"

#include "base/error.h"
#include "base/process.h"
#include "base/signals.h"
#include "base/terminal.h"
#include "experiment/progress.h"
#include "experiment/run/outcome.h"
#include "experiment/shared_points.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <sstream>

namespace ablate {
namespace {

class Queue {
 public:
  Queue(const RunRequest& request, std::vector<std::string> devices, Environment environment)
      : request_(request),
        devices_(std::move(devices)),
        environment_(std::move(environment)),
        results_(request.out, request.plan, request.resume),
        outcome_(request.plan, results_, [this] { return environment_; }),
        turns_(run_order(request.plan, select(request.plan, request.selection))),
        progress_(static_cast<int>(turns_.size()), stderr_is_terminal()),
        alike_(first_alike(request.plan)) {
    std::set<std::size_t> runs;
    for (const Turn& turn : turns_) {
      if (request.resume && results_.finished(turn)) {
        progress_.skip_point();
        settled_.insert(turn.index);
        runs.insert(alike_[turn.index]);
      } else if (turn.has_row && !runs.insert(alike_[turn.index]).second) {
        taken_.push_back(turn.index);
      } else {
        waiting_.push_back(turn);
      }
    }
    take();
    for (const std::string& note : results_.notes()) {
      this->note(note);
      tell("note: {}\n", note);
    }
    results_.share_lock();
  }

  int run() {
    const std::size_t needed = std::min(devices_.size(), waiting_.size());  // every one that starts takes a point
    for (std::size_t n = 0; n < needed; ++n) start(devices_[n]);
    while (!living_.empty()) handle(workers_.next());
    outcome_.publish();
    progress_.clear();
    if (stop_requested()) throw Interrupted(fmt::format("stopped with {} points to go; --resume goes on from there", waiting_.size()));
    if (!waiting_.empty())
      throw RunError(fmt::format("the process of every device has ended; --resume does the {} points that are left", waiting_.size()));
    outcome_.print();
    return failed_ || (request_.strict && outcome_.claims_fail()) ? 1 : 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Device {
    std::string number;
    std::optional<Turn> turn;  // in flight
    Clock::time_point start = Clock::now();
  };

  void start(const std::string& number) {
    std::vector<std::string> arguments = {"run",   request_.plan.source.string(), "--worker", "--device", number,
                                          "--out", request_.out.string()};
    for (const std::string& set : request_.plan.sets) arguments.insert(arguments.end(), {"--set", set});
    if (!request_.without.empty()) arguments.insert(arguments.end(), {"--without", request_.without});
    if (request_.validation) arguments.emplace_back("--validation");
    if (request_.profile) arguments.emplace_back("--profile");
    if (request_.one_by_one) arguments.emplace_back("--one-by-one");
    const std::size_t worker = workers_.start(arguments);
    living_[worker] = {number, std::nullopt, Clock::now()};
    feed(worker);
  }

  // Whether the points that it needs have been run.
  bool ready(const Turn& turn) const {
    const std::vector<std::size_t> needed = needed_points(request_.plan, turn.index);
    return std::all_of(needed.begin(), needed.end(), [&](std::size_t i) { return settled_.contains(i); });
  }

  // The first point that can be run now; a worker for whom there is none waits until another is done.
  void feed(std::size_t worker) {
    if (waiting_.empty() || stop_requested()) return workers_.close(worker);
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), [&](const Turn& turn) { return ready(turn); });
    if (next == waiting_.end()) return;
    living_[worker].turn = *next;
    living_[worker].start = Clock::now();
    workers_.send(worker, std::to_string(next->index) + (next->has_row ? "" : " needed"));
    waiting_.erase(next);
  }

  void feed_idle() {
    for (const auto& [worker, device] : living_)
      if (!device.turn) feed(worker);
  }

  void handle(const Workers::Event& event) {
    if (stop_requested() && !std::exchange(stopping_, true)) {
      workers_.stop();
      feed_idle();
    }
    if (event.interrupted) return;
    if (!event.line) return ended(event.worker, event.end);
    std::istringstream words(*event.line);
    std::string word, name, value;
    words >> word;
    if (word == "done") return done(event.worker);
    if (word == "shader" && words >> name >> value) environment_.shader_hashes[name] = value;
    if (word == "note") note(event.line->substr(5));
  }

  void note(const std::string& text) {
    auto& notes = environment_.notes;
    if (std::find(notes.begin(), notes.end(), text) != notes.end()) return;
    notes.push_back(text);
    progress_.say("note: " + text);
  }

  void done(std::size_t worker) {
    const Turn turn = living_[worker].turn.value();
    finish(turn, living_[worker], error_of(turn));
    living_[worker].turn.reset();
    feed_idle();
  }

  // What a worker wrote about the point.
  std::string error_of(const Turn& turn) {
    const Point& point = request_.plan.points[turn.index];
    if (!turn.has_row) return results_.needed_error(point).value_or("it left no row");
    results_.take_over(point);
    return std::find_if(results_.rows().begin(), results_.rows().end(), [&](const Row& r) { return r.id == point.id; })->error;
  }

  void finish(const Turn& turn, const Device& device, const std::string& error) {
    const Point& point = request_.plan.points[turn.index];
    settled_.insert(turn.index);
    outcome_.configure(turn.index, resolve(point));
    take();
    const double seconds = std::chrono::duration<double>(Clock::now() - device.start).count();
    progress_.report_point(point.label, seconds, error.empty() ? "on device " + device.number : "failed: " + error);
    failed_ += !error.empty();
    outcome_.update();
  }

  // What those have measured that come to the same goes to points that are not run themselves.
  void take() {
    std::erase_if(taken_, [&](std::size_t i) {
      const bool there = results_.add_alike(request_.plan.points[i], alike_);
      if (!there) return false;
      settled_.insert(i);
      outcome_.configure(i, resolve(request_.plan.points[i]));
      progress_.skip_point();
      return true;
    });
  }

  // The point it was working on goes to the end of the queue once; one that takes two processes with it has failed. The device gets one new
  // process.
  void ended(std::size_t worker, const std::string& how) {
    const Device device = living_[worker];
    living_.erase(worker);
    if (!device.turn) return;
    const Turn turn = *device.turn;
    const Point& point = request_.plan.points[turn.index];
    if (stop_requested() || lost_once_.insert(turn.index).second) {
      waiting_.push_back(turn);
    } else {
      Row row = row_of(point, {});
      row.error = fmt::format("its process ended ({}), twice", how);
      turn.has_row ? results_.add(row) : results_.add_needed(row);
      finish(turn, device, row.error);
    }
    if (stop_requested()) return;
    progress_.clear();
    tell("the process on device {} ended ({}) while it worked on {}\n", device.number, how, point.label);
    if (!waiting_.empty() && restarted_.insert(device.number).second) start(device.number);
    feed_idle();
  }

  const RunRequest& request_;
  std::vector<std::string> devices_;
  Environment environment_;
  ResultsFolder results_;
  Outcome outcome_;
  std::vector<Turn> turns_;
  Progress progress_;
  std::deque<Turn> waiting_;
  std::vector<std::size_t> alike_;  // first_alike of the plan
  std::vector<std::size_t> taken_;  // points that wait for another's row
  std::set<std::size_t> settled_;   // run, or finished before
  std::map<std::size_t, Device> living_;
  std::set<std::size_t> lost_once_;
  std::set<std::string> restarted_;
  bool stopping_ = false;
  int failed_ = 0;
  Workers workers_;  // last, so that its processes end before the folder's lock goes
};

}  // namespace

std::vector<std::size_t> all_devices(const std::vector<Instance::Candidate>& devices) {
  std::vector<std::size_t> gpus, cpus;
  for (std::size_t i = 0; i < devices.size(); ++i)
    if (devices[i].unfit.empty()) (devices[i].caps.is_cpu() ? cpus : gpus).push_back(i);
  return gpus.empty() ? cpus : gpus;
}

std::vector<std::string> device_numbers(const std::string& list) {
  const Instance instance;
  std::vector<std::string> numbers;
  if (list == "all") {
    for (const std::size_t i : all_devices(instance.devices())) numbers.push_back(std::to_string(i));
    if (numbers.empty()) instance.choose("");  // says what there is
    return numbers;
  }
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');)
    numbers.push_back(std::to_string(&instance.choose(word) - instance.devices().data()));
  require(!numbers.empty(), "--devices {}: expected all, or a list such as 0,1", list);
  return numbers;
}

int run_on_devices(const RunRequest& request, const std::vector<std::string>& devices, Environment environment) {
  return Queue(request, devices, std::move(environment)).run();
}

}  // namespace ablate
