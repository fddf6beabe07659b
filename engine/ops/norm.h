// Norms by name: what `[model] norm = "..."` can say. Each kind registers itself in its own file.
#pragma once

#include "ops/op.h"

#include <functional>
#include <string>

namespace ablate {

struct NormArgs {
  Tensor x;  ///< (..., D)
  std::function<Tensor(const std::string& name)>
      parameter;  ///< the norm's "weight" (D), "alpha" (1), "bias" (D), f32; an empty Tensor when the model has none
  float eps = 1e-5f;
};

struct NormKind {
  std::function<Tensor(Graph&, const NormArgs&)> apply;  ///< y like x
};
using Norms = Registry<NormKind>;

}  // namespace ablate
