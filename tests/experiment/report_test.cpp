// The page as a whole, on made-up run folders.
#include "experiment/report/report.h"

#include "support/sample_run.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace ablate;

TEST_CASE("sample run folders for the browser test") {
  const char* folder = std::getenv("ABLATE_SAMPLE_FOLDER");
  if (!folder) return;
  const std::filesystem::path out = folder;
  write_sample_run(out / "full");
  write_sample_run(out / "interrupted", {.seeds = 1, .finished = 5});
  write_sample_run(out / "again", {.seeds = 1, .shift = 0.05});
}
