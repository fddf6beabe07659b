// An intervention that changes nothing is found when it runs, and told of in words.
#include "base/error.h"
#include "support/run_request.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("a run whose intervention changes nothing is bad input") {
  const TemporaryFolder folder;
  const std::string plan =
      "name = \"n\"\nkind = \"intervene\"\nmodel = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2}\n"
      "data = {source = \"bigram_backcopy\", symbols = 33}\nprobe = {sequences = 2, seq_len = 8}\n"
      "intervention = [{at = \"block.1\", do = \"scale\", value = 1.0}]\n";
  CHECK_THROWS_WITH_AS(run_plan(run_request(folder, plan)), doctest::Contains("this intervention changes nothing"), InputError);
}
