// A run of a small experiment, on the device that the tests run on.
#pragma once

#include "base/file.h"
#include "experiment/run/runner.h"
#include "support/temporary_folder.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace ablate::test {

/// The experiment `toml` with `sets`, results under runs/ of `folder`; `without` in place of what tests mask.
inline RunRequest run_request(const TemporaryFolder& folder, const std::string& toml, const std::vector<std::string>& sets = {},
                              const std::string& without = "") {
  write_atomically(folder.path() / "experiment.toml", toml);
  const char *device = std::getenv("ABLATE_TEST_DEVICE"), *masked = std::getenv("ABLATE_TEST_WITHOUT");
  RunRequest request;
  request.plan = read_plan(folder.path() / "experiment.toml", sets);
  request.out = folder.path() / "runs";
  request.device = device ? device : "";
  request.without = without.empty() && masked ? masked : without;
  return request;
}

}  // namespace ablate::test
