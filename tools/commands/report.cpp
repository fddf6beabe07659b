// ablate report DIR... : makes the page of a run again, or of several beside each other.
#include "report/report.h"
#include "command.h"
#include "experiment/table.h"
#include "report/merge.h"

#include "base/file.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

namespace ablate {
namespace {

struct Options {
  std::vector<std::string> folders;
  std::string out, merge;
};

/// What a terminal shows of a run: the table and its place.
void show(const std::filesystem::path& run, const std::filesystem::path& page) {
  if (std::filesystem::exists(run / "results.json")) {
    const Results results = read_results(run / "results.json");
    fmt::print("{}\n{}", format_table(results.rows), format_claims(results.claims, results.rows));
  }
  fmt::print("{}\n", page.string());
}

int make_report(const Options& options) {
  std::vector<std::filesystem::path> folders;
  for (const std::string& given : options.folders)
    for (const std::filesystem::path& folder : report::run_folders(given)) folders.push_back(folder);
  if (!options.merge.empty()) {
    report::merge_runs(folders, options.merge);
    report::write_report(options.merge);
    show(options.merge, std::filesystem::path(options.merge) / "report.html");
    return 0;
  }
  std::vector<report::Run> runs;
  for (const std::filesystem::path& folder : folders) runs.push_back(report::read_run(folder));
  runs = report::side_by_side(std::move(runs));
  std::filesystem::path out = options.out;
  if (out.empty())
    out = (folders.size() == 1 ? folders[0] : std::filesystem::path(options.folders.size() == 1 ? options.folders[0] : "")) / "report.html";
  write_atomically(out, report::report_html(runs));
  if (folders.size() == 1) show(folders[0], out);
  else if (const std::string score = report::score_line(runs); !score.empty()) fmt::print("{}\n{}\n", score, out.string());
  else fmt::print("{}\n", out.string());
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->folders,
                 "Run folders, or folders that hold some; several are shown beside each other, parts of one sweep as one table")
      ->required();
  app.add_option("--out", options->out, "Where to write the page (default: DIR/report.html; report.html here for several)");
  app.add_option("--merge", options->merge, "Put the parts of one sweep together in this new folder (results, points and report)")
      ->excludes("--out");
  return [options] { return make_report(*options); };
}

const CommandRegistration registration({"report", "Show what runs found, as one HTML page", declare});

}  // namespace
}  // namespace ablate
