#include "experiment/run/profile.h"

#include "base/file.h"

#include <fmt/core.h>
#include <algorithm>
#include <map>

namespace ablate {
namespace {

struct Total {
  std::string label;
  std::size_t calls = 0;
  double seconds = 0;
  Cost cost;
};

// "step.layer.3.attn matmul/tiled" and the same of layer 4 are one line.
std::string without_numbers(std::string label) {
  std::string kept;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const bool part = label[i] == '.' && i + 1 < label.size() && label[i + 1] >= '0' && label[i + 1] <= '9';
    if (!part) {
      kept += label[i];
      continue;
    }
    while (i + 1 < label.size() && label[i + 1] >= '0' && label[i + 1] <= '9') ++i;
  }
  return kept;
}

}  // namespace

void write_profile(const std::filesystem::path& file, const std::vector<DispatchTime>& times) {
  std::map<std::string, Total> totals;
  double all = 0;
  for (const DispatchTime& time : times) {
    Total& total = totals[without_numbers(time.label)];
    ++total.calls;
    total.seconds += time.seconds, total.cost.flop += time.cost.flop, total.cost.bytes += time.cost.bytes;
    all += time.seconds;
  }
  std::vector<Total> lines;
  for (auto& [label, total] : totals) lines.push_back({label, total.calls, total.seconds, total.cost});
  std::sort(lines.begin(), lines.end(), [](const Total& a, const Total& b) { return a.seconds > b.seconds; });
  std::string text = "dispatch,calls,microseconds,share,tflop_per_s,gb_per_s\n";
  for (const Total& t : lines)
    text += fmt::format("{},{},{:.1f},{:.4f},{:.3f},{:.1f}\n", t.label, t.calls, t.seconds * 1e6, all > 0 ? t.seconds / all : 0,
                        t.seconds > 0 ? t.cost.flop / t.seconds * 1e-12 : 0, t.seconds > 0 ? t.cost.bytes / t.seconds * 1e-9 : 0);
  write_atomically(file, text);
}

}  // namespace ablate
