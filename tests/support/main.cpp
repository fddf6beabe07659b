#define DOCTEST_CONFIG_IMPLEMENT
#include "support/device.h"

#include <doctest/doctest.h>

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  ablate::test::print_skips();
  return result;
}
