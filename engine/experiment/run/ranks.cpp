#include "experiment/run/ranks.h"

#include "base/failure.h"
#include "base/signals.h"
#include "base/terminal.h"
#include "collective/collective.h"
#include "experiment/run/devices.h"

#include <nlohmann/json.hpp>

#include <map>

namespace ablate {
namespace {

constexpr std::int64_t no_point = -1;

// Rank 0 alone finds out whether the file is right and the plan fits, and says so to the others: 0, or the exit code of all.
class Agreement {
 public:
  explicit Agreement(Collective& ranks) : ranks_(ranks) {}
  bool given() const { return given_; }
  void give(int& code) {
    given_ = true;
    ranks_.broadcast_value(0, code);
  }

 private:
  Collective& ranks_;
  bool given_ = false;
};

int lead(Collective& ranks, Agreement& agreement, const std::function<RunRequest()>& read) {
  RunRequest request = read();
  request.ranks = &ranks;
  request.started = [&] {
    int fine = 0;
    agreement.give(fine);
    tell("ranks: {}\n", ranks.size());
  };
  return run_plan(request);
}

int follow(Collective& ranks, Agreement& agreement, const std::function<RunRequest()>& read) {
  int code = 0;
  agreement.give(code);
  if (code != 0) return code;
  RunRequest request = read();
  request.ranks = &ranks;
  return run_plan(request);
}

}  // namespace

int run_on_ranks(Collective& ranks, const std::function<RunRequest()>& read) {
  catch_stop_signals();
  const bool leads = ranks.rank() == 0;
  Agreement agreement(ranks);
  int code = 0;
  try {
    code = leads ? lead(ranks, agreement, read) : follow(ranks, agreement, read);
  } catch (const Interrupted&) {
    code = leads ? tell_failure("ablate") : 130;
  } catch (...) {
    code = tell_failure(leads ? "ablate" : fmt::format("ablate: rank {}", ranks.rank()));
    if (agreement.given()) ranks.abort(code);
  }
  try {
    if (!agreement.given()) agreement.give(code);
    ranks.leave();
  } catch (...) {
    ranks.abort(tell_failure("ablate"));
  }
  return code;
}

std::optional<std::size_t> next_point(Collective& ranks, std::optional<std::size_t> point) {
  std::int64_t number = point ? static_cast<std::int64_t>(*point) : no_point;
  ranks.broadcast_value(0, number);
  return number == no_point ? std::nullopt : std::optional(static_cast<std::size_t>(number));
}

void share_choices(Collective& ranks, Tuner& tuner) {
  std::string text = nlohmann::json(tuner.choices().answers()).dump();
  ranks.broadcast_text(0, text);
  const auto answers = nlohmann::json::parse(text).get<std::map<std::string, std::string>>();
  for (const auto& [question, answer] : answers) tuner.choices().set(question, answer);
}

std::string device_of_rank(const Instance& instance, int rank_on_host) {
  const std::vector<std::size_t> devices = all_devices(instance.devices());
  return devices.empty() ? "" : std::to_string(devices[static_cast<std::size_t>(rank_on_host) % devices.size()]);
}

}  // namespace ablate
