// metrics.jsonl: one object per line, appended.
#include "base/error.h"
#include "experiment/results.h"
#include "results/json.h"

namespace ablate {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string_view text;  // with its end of line
  Metrics metrics;
};

/// The whole lines of a log. The last may be torn by a kill: no end of line. Anything else that is no JSON is an error.
std::vector<Line> whole_lines(const fs::path& path, std::string_view text) {
  std::vector<Line> lines;
  for (std::size_t start = 0, end = 0; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    const Json json = Json::parse(text.substr(start, end - start), nullptr, false);
    require(json.is_object(), "{}:{}: not a line of metrics", path.string(), lines.size() + 1);
    lines.push_back({text.substr(start, end + 1 - start), metrics_from_json(json)});
  }
  return lines;
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& path, std::int64_t last_step) : path_(path) {
  std::string kept;
  if (last_step >= 0 && fs::exists(path)) {
    const std::string text = read_text(path);
    for (const Line& line : whole_lines(path, text)) {
      if (line.metrics.number("step") <= static_cast<double>(last_step)) kept += line.text;
    }
  }
  write_atomically(path, kept);
  file_.open(path, std::ios::app | std::ios::binary);
  if (!file_) throw RunError(fmt::format("{}: cannot be written", path.string()));
}

void MetricsLog::append(const Metrics& entry) {
  file_ << to_json(entry) + "\n" << std::flush;
  if (!file_) throw RunError(fmt::format("{}: writing failed (is the disk full?)", path_.string()));
}

std::vector<Metrics> read_log(const fs::path& path) {
  std::vector<Metrics> entries;
  if (!fs::exists(path)) return entries;
  const std::string text = read_text(path);
  for (Line& line : whole_lines(path, text)) entries.push_back(std::move(line.metrics));
  return entries;
}

}  // namespace ablate
