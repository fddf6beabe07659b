#include "ops/copy_words.h"

namespace ablate {

void copy_words(Graph& graph, const Tensor& x, const Tensor& to) {
  require(x.size() == to.size() && bytes_of(x.dtype) == 4 && bytes_of(to.dtype) == 4, "copy_words: {} {} into {} {}", name_of(x.dtype),
          to_string(x.shape), name_of(to.dtype), to_string(to.shape));
  graph.dispatch({.shader = "elementwise/copy_words",
                  .push = {x, to, x.size()},
                  .cut = cut_elements(x.size(), {0, 1, 2}),
                  .items = x.size(),
                  .cost = {.bytes = 2.0 * static_cast<double>(x.bytes())}});
}

}  // namespace ablate
