// Any bytes as an experiment file: a plan, or an InputError of one line.
#include "base/error.h"
#include "experiment/expression.h"
#include "experiment/plan.h"
#include "experiment/toml.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ablate;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const Plan plan = parse_plan(text, "fuzz.toml");
    if (!plan.points.empty()) resolve(plan.points.front());
  } catch (const InputError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
  return 0;
}
