#include "support/device.h"

#include "support/places.h"

#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

namespace ablate::test {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

struct Machine {
  Instance instance{variable("ABLATE_TEST_VALIDATION") != "0"};
  Device device{instance, {variable("ABLATE_TEST_DEVICE"), variable("ABLATE_TEST_WITHOUT")}};
  Pipelines pipelines{device};
};

// Lines of "RUN COUNT DEVICE", the device as part of a name; "#" begins a comment.
std::optional<std::size_t> expected_skips(const std::string& run, const std::string& device) {
  std::ifstream file(tests_folder() / "expected_skips.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, part;
    std::size_t count = 0;
    if (words >> name >> count && name == run && std::getline(words >> std::ws, part) && device.find(part) != device.npos) return count;
  }
  return std::nullopt;
}

std::map<std::string, std::set<std::string>>& skips() {
  static std::map<std::string, std::set<std::string>> all;
  return all;
}

}  // namespace

Pipelines& pipelines() {
  static Machine machine;
  return machine.pipelines;
}

void skip(const std::string& what, const std::string& why) { skips()[why].insert(what); }

bool check_skips() {
  std::size_t all = 0;
  for (const auto& [why, names] : skips()) {
    fmt::print("skipped {}: {}\n", names.size(), why);
    for (const auto& name : names) fmt::print("  skipped: {}\n", name);
    all += names.size();
  }
  fmt::print("skipped in all: {}\n", all);
  const std::string run = variable("ABLATE_TEST_RUN");
  if (run.empty()) return true;
  const std::string device = pipelines().device().caps().device_name;
  const auto expected = expected_skips(run, device);
  if (!expected) fmt::print("tests/expected_skips.txt has no line for {} on {}: nothing was expected\n", run, device);
  if (expected && *expected != all) fmt::print("FAILED: {} on {} is expected to skip {}\n", run, device, *expected);
  return !expected || *expected == all;
}

}  // namespace ablate::test
