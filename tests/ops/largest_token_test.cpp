#include "ops/largest_token.h"

#include "graph/executor.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("the token with the largest entry of every sequence, as a mask and as a vector") {
  for (const DType type : float_types) {
    if (!can_store("largest token", type)) continue;
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{3, 5, 7}, Shape{4, 70, 33}}) {
      const std::vector<OpInput> inputs = {{shape, type, false}};
      const auto data = random_inputs(inputs);
      const auto found = run_op(inputs, data, [&](Graph& g, const auto& in) {
        const Tensor tokens = largest_tokens(g, in[0]);
        return std::vector<Tensor>{token_mask(g, tokens, shape[1]), take_tokens(g, in[0], tokens)};
      });
      for (std::size_t b = 0; b < shape[0]; ++b) {
        const std::size_t dim = shape[2], first = b * shape[1] * dim;
        std::size_t best = first;
        for (std::size_t i = first; i < first + shape[1] * dim; ++i)
          if (std::abs(data[0].data[i]) > std::abs(data[0].data[best])) best = i;
        const std::size_t token = (best - first) / dim;
        for (std::size_t t = 0; t < shape[1]; ++t) CHECK(found[0][b * shape[1] + t] == (t == token ? 1.0 : 0.0));
        for (std::size_t c = 0; c < dim; ++c) CHECK(found[1][b * dim + c] == data[0].data[first + token * dim + c]);
      }
    }
  }
}
