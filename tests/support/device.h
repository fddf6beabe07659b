// The device the tests run on: $ABLATE_TEST_DEVICE (a number or part of a name), with $ABLATE_TEST_WITHOUT masked, under the validation
// layer unless $ABLATE_TEST_VALIDATION is 0.
#pragma once

#include "vulkan/pipeline.h"

namespace ablate::test {

Pipelines& pipelines();

/// Notes that something cannot be tested on this device, and why; counted and printed at the end of the run.
void skip(const std::string& what, const std::string& why);
/// Prints how much was skipped, by reason. Where tests/expected_skips.txt has a line for this device and the run that $ABLATE_TEST_RUN names (as
/// tests/CMakeLists.txt does), returns whether it was exactly as much: a test that is skipped without being expected to is a failure.
bool check_skips();

}  // namespace ablate::test
