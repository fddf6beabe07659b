// What a reader of a run's folder opens while it grows, and what the terminal shows at the end.
#pragma once

#include "experiment/results.h"

#include <chrono>
#include <functional>

namespace ablate {

class Outcome {
 public:
  /// Writes a first manifest. `environment` is asked whenever one is written. All arguments must outlive the object.
  Outcome(const Plan& plan, ResultsFolder& results, std::function<Environment()> environment);

  /// The resolved table of a point that has run.
  void configure(std::size_t point, Value table) { configuration_.at(point) = std::move(table); }
  /// After each point: writes what has become old, without spending more than a tenth of the time on it.
  void update();
  /// While a point runs: writes the report again, every ten seconds, or one second after the last where there is something `fresh` to show;
  /// no more than a twentieth of the time goes into it.
  void look(bool fresh);
  /// Writes everything: results, manifest, report. `live`: the run goes on, and so the page loads itself again.
  void publish(bool live = false);
  /// The table of results, on standard output.
  void print() const;
  /// Whether what the rows say is against one of the plan's claims.
  bool claims_fail() const;

 private:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  const Plan& plan_;
  ResultsFolder& results_;
  std::function<Environment()> environment_;
  std::vector<Value> configuration_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double published_ = 0, publishing_ = 0;  // when everything was last written, and how long that took (seconds)
  double looked_ = 0, looking_ = 0;        // the same of the report alone
};

}  // namespace ablate
