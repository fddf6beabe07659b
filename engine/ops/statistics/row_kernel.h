#pragma once

#include "ops/op.h"

namespace ablate {

/// Specialization of a kernel that reads a row of x a workgroup: one subgroup each, which needs no barriers.
inline Specialization one_subgroup_per_row(const Graph& graph, const Tensor& x) {
  Specialization constants = for_type(x);
  constants.push_back({"LANES", graph.caps().subgroup_size});
  return constants;
}

/// What a kernel costs that reads x once and does `flop` to every element.
inline Cost one_read(const Tensor& x, double flop) {
  return {.flop = flop * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes())};
}

}  // namespace ablate
