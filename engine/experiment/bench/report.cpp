#include "experiment/bench/bench.h"
#include "results/json.h"

#include <algorithm>

namespace ablate {
namespace {

// The times the device would need at its ceilings; 0 where a ceiling is not known.
struct Floors {
  double flop = 0, bytes = 0;  // seconds
};

Floors floors_of(const BenchResult& r, const Ceilings& ceilings) {
  const double rate = std::max(ceilings.flop_per_second, r.half ? ceilings.flop_per_second_16 : 0);
  return {rate > 0 ? r.cost.flop / rate : 0, ceilings.bytes_per_second > 0 ? r.cost.bytes / ceilings.bytes_per_second : 0};
}

std::string time_text(double seconds) {
  if (seconds <= 0) return "-";
  return seconds < 1e-3 ? fmt::format("{:.1f} us", seconds * 1e6) : fmt::format("{:.2f} ms", seconds * 1e3);
}

std::string rate_text(double per_second, const char* unit) {
  if (per_second >= 1e12) return fmt::format("{:.2f} T{}", per_second / 1e12, unit);
  return fmt::format("{:.2f} G{}", per_second / 1e9, unit);
}

std::string ceilings_text(const Ceilings& ceilings) {
  std::string text = fmt::format("ceilings: copy {}, f32 products {}", rate_text(ceilings.bytes_per_second, "B/s"),
                                 rate_text(ceilings.flop_per_second, "FLOP/s"));
  if (ceilings.flop_per_second_16 > 0) text += ", f16 products " + rate_text(ceilings.flop_per_second_16, "FLOP/s");
  return text + "\n";
}

}  // namespace

std::string format_results(const std::vector<BenchResult>& results, const Ceilings& ceilings) {
  std::size_t width = 4;
  for (const BenchResult& r : results) width = std::max(width, r.op.size() + 1 + r.name.size());
  const bool known = ceilings.bytes_per_second > 0;
  std::string text = known ? ceilings_text(ceilings) : "";
  text += fmt::format("{:<{}}  {:>10}  {:>10}  {:>15}  {:>11}  {}\n", "op", width, "warm", "cold", "rate", "bandwidth",
                      known ? "floors, cold: FLOP, bytes" : "");
  for (const BenchResult& r : results) {
    text += fmt::format("{:<{}}  ", r.op + " " + r.name, width);
    if (!r.failure.empty()) {
      text += "failed: " + r.failure + "\n";
      continue;
    }
    const double seconds = r.cold > 0 ? r.cold : r.warm;
    const Floors floors = floors_of(r, ceilings);
    const std::string share = known ? fmt::format("{:>4.0f} % {:>4.0f} %", 100 * floors.flop / seconds, 100 * floors.bytes / seconds) : "";
    text += fmt::format("{:>10}  {:>10}  {:>15}  {:>11}  {}\n", time_text(r.warm), time_text(r.cold),
                        rate_text(r.cost.flop / r.warm, "FLOP/s"), rate_text(r.cost.bytes / seconds, "B/s"), share);
  }
  return text;
}

std::string results_to_json(const std::vector<BenchResult>& results, const Ceilings& ceilings, const Caps& caps) {
  Json file;
  file["device"] = {{"name", caps.device_name}, {"driver", caps.driver_name}, {"driver_info", caps.driver_info}, {"masked", caps.masked}};
  file["ceilings"] = {{"bytes_per_second", ceilings.bytes_per_second},
                      {"flop_per_second", ceilings.flop_per_second},
                      {"flop_per_second_16", ceilings.flop_per_second_16}};
  file["results"] = Json::array();
  for (const BenchResult& r : results) {
    Json row = {{"op", r.op}, {"name", r.name}};
    if (!r.failure.empty()) {
      row["failure"] = r.failure;
    } else {
      const Floors floors = floors_of(r, ceilings);
      row.update({{"kernels", r.kernels},
                  {"flop", r.cost.flop},
                  {"bytes", r.cost.bytes},
                  {"warm_seconds", r.warm},
                  {"best_seconds", r.best},
                  {"runs", r.runs}});
      row["cold_seconds"] = r.cold > 0 ? Json(r.cold) : Json();
      row["flop_per_second"] = r.cost.flop / r.warm;
      row["bytes_per_second"] = r.cost.bytes / (r.cold > 0 ? r.cold : r.warm);
      row["flop_floor_seconds"] = floors.flop;
      row["bytes_floor_seconds"] = floors.bytes;
    }
    file["results"].push_back(std::move(row));
  }
  return file.dump(1) + "\n";
}

}  // namespace ablate
