#include "support/device.h"

#include <fmt/core.h>

#include <cstdlib>
#include <map>
#include <set>

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

void print_skips() {
  for (const auto& [why, names] : skips()) {
    fmt::print("skipped {}: {}\n", names.size(), why);
    for (const auto& name : names) fmt::print("  skipped: {}\n", name);
  }
}

}  // namespace ablate::test
