// One intervention at one hook point, with everything it refers to looked up.
#pragma once

#include "model/hooks.h"
#include "ops/edit.h"
#include "ops/quantize.h"

#include <optional>
#include <string>
#include <vector>

namespace ablate {

struct CutIn {
  std::size_t intervention = 0;                ///< its number in the experiment file
  std::vector<Edit> edits{};                   ///< made in order
  bool largest = false;                        ///< only at every sequence's token with the largest magnitude
  std::vector<float> direction{};              ///< instead of edits: the unit vector to project out, (channels), ...
  std::vector<std::uint32_t> positions{};      ///< ... at these positions; empty: all
  int leaves_out = 0;                          ///< the block whose output these edits leave out for all tokens; 0: none
  std::string norm{};                          ///< instead of edits: the norm to put there
  std::vector<std::uint32_t> keys{}, heads{};  ///< instead of edits: keys hidden from these heads; empty: all
  std::optional<Quantization> quantization{};  ///< instead of edits
  bool turned = false;                         ///< quantized in the basis of a Hadamard matrix
};

/// The tensor of a hook point, (B, T, C), after an edit or a projection.
Tensor cut_in(Graph& graph, const Tensor& x, const CutIn& cut);

}  // namespace ablate
