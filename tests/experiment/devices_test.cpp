#include "experiment/run/devices.h"

#include <doctest/doctest.h>

using namespace ablate;

namespace {

Instance::Candidate device(const char* type, const char* unfit = "") {
  Instance::Candidate candidate;
  candidate.caps.type = type;
  candidate.unfit = unfit;
  return candidate;
}

using Numbers = std::vector<std::size_t>;

}  // namespace

TEST_CASE("all devices are the GPUs; the CPU stands in where there is none") {
  CHECK(all_devices({device("discrete"), device("discrete"), device("integrated"), device("cpu")}) == Numbers{0, 1, 2});
  CHECK(all_devices({device("discrete", "no 8-bit storage"), device("integrated"), device("cpu")}) == Numbers{1});
  CHECK(all_devices({device("discrete", "no 8-bit storage"), device("cpu")}) == Numbers{1});
  CHECK(all_devices({device("cpu")}) == Numbers{0});
  CHECK(all_devices({device("cpu", "Vulkan 1.1")}).empty());
}
