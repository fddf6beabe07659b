#define DOCTEST_CONFIG_IMPLEMENT
#include "support/device.h"

#include <doctest/doctest.h>

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  const bool as_expected = context.shouldExit() || ablate::test::check_skips();
  return result != 0 ? result : as_expected ? 0 : 1;
}
