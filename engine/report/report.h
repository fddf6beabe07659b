// report.html: one file that shows what a run, or several, found. No network, no font or script from elsewhere.
#pragma once

#include "report/run.h"

#include <span>

namespace ablate::report {

/// The page for one run, or for several beside each other (each with its `label` set). One of a run that goes on (`live`) loads itself again
/// every ten seconds.
std::string report_html(std::span<const Run> runs, bool live = false);

/// "21 of 24 claims hold, 1 fails, 2 open"; of several runs "monday: 2 of 2 claims hold · tuesday: ...". Empty where none makes claims.
std::string score_line(std::span<const Run> runs);

/// Reads `folder` and writes `folder`/report.html. Works for interrupted runs: the page says what is missing. Throws InputError when there
/// is nothing of a run in the folder, RunError when the file cannot be written.
void write_report(const std::filesystem::path& folder, bool live = false);

}  // namespace ablate::report
