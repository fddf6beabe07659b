// ablate report DIR... : makes the page of a run again, or of several beside each other.
#include "experiment/report/report.h"
#include "command.h"
#include "experiment/report/merge.h"

#include "base/file.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

namespace ablate {
namespace {

struct Options {
  std::vector<std::string> folders;
  std::string out, merge;
};

int make_report(const Options& options) {
  if (!options.merge.empty()) {
    report::merge_runs({options.folders.begin(), options.folders.end()}, options.merge);
    report::write_report(options.merge);
    fmt::print("{}\n", (std::filesystem::path(options.merge) / "report.html").string());
    return 0;
  }
  std::vector<report::Run> runs;
  for (const std::string& folder : options.folders) runs.push_back(report::read_run(folder));
  runs = report::side_by_side(std::move(runs));
  const std::filesystem::path out = !options.out.empty()          ? std::filesystem::path(options.out)
                                    : options.folders.size() == 1 ? std::filesystem::path(options.folders[0]) / "report.html"
                                                                  : std::filesystem::path("report.html");
  write_atomically(out, report::report_html(runs));
  fmt::print("{}\n", out.string());
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->folders, "Run folders; several are shown beside each other, parts of one sweep as one table")->required();
  app.add_option("--out", options->out, "Where to write the page (default: DIR/report.html; report.html here for several)");
  app.add_option("--merge", options->merge, "Put the parts of one sweep together in this new folder (results, points and report)")
      ->excludes("--out");
  return [options] { return make_report(*options); };
}

const CommandRegistration registration({"report", "Show what runs found, as one HTML page", declare});

}  // namespace
}  // namespace ablate
