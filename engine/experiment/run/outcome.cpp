#include "experiment/run/outcome.h"

#include "base/terminal.h"
#include "experiment/table.h"
#include "report/report.h"

#include <fmt/core.h>

#include <algorithm>

namespace ablate {

Outcome::Outcome(const Plan& plan, ResultsFolder& results, std::function<Environment()> environment)
    : plan_(plan), results_(results), environment_(std::move(environment)) {
  for (const Point& point : plan.points) configuration_.push_back(point.table);
  results_.write_manifest(environment_(), configuration_, 0);
}

void Outcome::update() {
  if (results_.manifest_due()) results_.write_manifest(environment_(), configuration_, seconds());
  if (seconds() - published_ > 10 * publishing_) publish(/*live=*/true);
}

void Outcome::look(bool fresh) {
  const double start = seconds();
  if (start - looked_ < std::max(fresh ? 1.0 : 10.0, 20 * looking_)) return;
  try {
    report::write_report(results_.path(), /*live=*/true);
  } catch (const WriteError&) {
    // what cannot be written at the end ends the run; until then the training goes on
  }
  looked_ = seconds(), looking_ = looked_ - start;
}

void Outcome::publish(bool live) {
  const double start = seconds();
  results_.flush();
  results_.write_manifest(environment_(), configuration_, start);
  report::write_report(results_.path(), live);
  published_ = seconds(), publishing_ = published_ - start;
  looked_ = published_;
}

bool Outcome::claims_fail() const {
  return std::any_of(plan_.claims.begin(), plan_.claims.end(),
                     [&](const Claim& claim) { return judge(claim, results_.rows()).verdict == Verdict::fails; });
}

void Outcome::print() const {
  std::string text = fmt::format("{}\n{}", plan_.title, format_table(results_.rows()));
  for (const Row& row : results_.rows()) {
    const Metric* states = row.metrics.find("spike_per_state");
    const auto* values = states ? std::get_if<std::vector<double>>(states) : nullptr;
    if (!values || values->size() < 2) continue;
    text += fmt::format("\nLargest |h| of every residual state, {}:\n{}", row.label, plot_life_cycle(*values));
    break;
  }
  if (!plan_.claims.empty()) text += fmt::format("\n{}", format_claims(plan_.claims, results_.rows()));
  if (!plan_.description.empty()) text += fmt::format("\n{}\n", plan_.description);
  text += fmt::format("\nresults: {}\n", results_.path().string());
  if (const std::string reason = write_output(text); !reason.empty())
    tell("note: the table cannot be printed ({}); all of it is in {}\n", reason, results_.path().string());
}

}  // namespace ablate
