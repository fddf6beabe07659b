// What edits look for in the model before it is changed.
#include "base/error.h"
#include "support/run_request.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

// Embeddings of N(0, 1) times the largest power of two that f32 holds: some are infinite.
TEST_CASE("a model whose activations are infinite has no spike to intervene on") {
  const TemporaryFolder folder;
  const std::string plan =
      "name = \"n\"\nkind = \"intervene\"\nmodel = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2, embedding_scale = 1.7e38}\n"
      "data = {source = \"bigram_backcopy\", symbols = 33}\nprobe = {sequences = 2, seq_len = 8, allow_non_finite = true}\n"
      "intervention = [{at = \"block.1\", do = \"zero\", channels = \"spike\"}]\n";
  CHECK_THROWS_WITH_AS(run_plan(run_request(folder, plan)), doctest::Contains("there is no spike to intervene on"), RunError);
}
