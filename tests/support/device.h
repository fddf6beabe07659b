// The device the tests run on: $ABLATE_TEST_DEVICE (a number or part of a name), with $ABLATE_TEST_WITHOUT masked, under the validation
// layer unless $ABLATE_TEST_VALIDATION is 0.
#pragma once

#include "vulkan/pipeline.h"

namespace ablate::test {

Pipelines& pipelines();

/// Notes that something cannot be tested on this device, and why; counted and printed at the end of the run.
void skip(const std::string& what, const std::string& why);
void print_skips();

}  // namespace ablate::test
