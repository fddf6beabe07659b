#include "experiment/run/devices.h"

#include "base/error.h"
#include "base/process.h"
#include "base/signals.h"
#include "base/terminal.h"
#include "experiment/progress.h"
#include "experiment/run/outcome.h"

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
        progress_(static_cast<int>(select(request.plan, request.selection).size()), stderr_is_terminal()) {
    for (const std::size_t i : select(request.plan, request.selection)) {
      if (request.resume && results_.finished(request.plan.points[i])) progress_.skip_point();
      else waiting_.push_back(i);
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
    return failed_ ? 1 : 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Device {
    std::string number;
    std::optional<std::size_t> point;  // in flight
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

  void feed(std::size_t worker) {
    if (waiting_.empty() || stop_requested()) return workers_.close(worker);
    living_[worker].point = waiting_.front();
    living_[worker].start = Clock::now();
    waiting_.pop_front();
    workers_.send(worker, std::to_string(*living_[worker].point));
  }

  void handle(const Workers::Event& event) {
    if (stop_requested() && !std::exchange(stopping_, true)) workers_.stop();
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
    const Point& point = request_.plan.points[living_[worker].point.value()];
    results_.take_over(point);
    const auto row = std::find_if(results_.rows().begin(), results_.rows().end(), [&](const Row& r) { return r.id == point.id; });
    finish(point, living_[worker], row->error);
    living_[worker].point.reset();
    feed(worker);
  }

  void finish(const Point& point, const Device& device, const std::string& error) {
    outcome_.configure(static_cast<std::size_t>(&point - request_.plan.points.data()), resolve(point));
    const double seconds = std::chrono::duration<double>(Clock::now() - device.start).count();
    progress_.report_point(point.label, seconds, error.empty() ? "on device " + device.number : "failed: " + error);
    failed_ += !error.empty();
    outcome_.update();
  }

  // The point it was working on goes to the end of the queue once; one that takes two processes with it has failed. The device gets one new
  // process.
  void ended(std::size_t worker, const std::string& how) {
    const Device device = living_[worker];
    living_.erase(worker);
    if (!device.point) return;
    const Point& point = request_.plan.points[*device.point];
    if (stop_requested() || lost_once_.insert(*device.point).second) {
      waiting_.push_back(*device.point);
    } else {
      Row row = Row::of(point, {});
      row.error = fmt::format("its process ended ({}), twice", how);
      results_.add(row);
      finish(point, device, row.error);
    }
    if (stop_requested()) return;
    progress_.clear();
    tell("the process on device {} ended ({}) while it worked on {}\n", device.number, how, point.label);
    if (!waiting_.empty() && restarted_.insert(device.number).second) start(device.number);
  }

  const RunRequest& request_;
  std::vector<std::string> devices_;
  Environment environment_;
  ResultsFolder results_;
  Outcome outcome_;
  Progress progress_;
  std::deque<std::size_t> waiting_;
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
