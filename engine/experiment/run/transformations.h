// [[transformation]] tables: what is done to a checkpoint's weights before it is looked at, the model staying what it is.
#pragma once

#include "experiment/run/kind.h"

namespace ablate {

struct Transformation {
  std::string action;      ///< `do`: "smooth" (model/transformations/smooth.h) or "rotate" (rotate.h)
  double alpha = 0.5;      ///< of smooth
  std::string statistics;  ///< of smooth: a file of ranges; empty: those over the data at hand
  std::uint64_t seed = 0;  ///< of rotate: of the signs
  bool write = false;      ///< the model is written to points/<id>/checkpoint
  std::string where;       ///< of `do`, for messages

  static std::vector<Transformation> all(Settings& experiment);
};

/// The configuration after them. Throws InputError for a model that one of them cannot keep as it is.
TransformerConfig transformed_config(const std::vector<Transformation>& transformations, TransformerConfig config);

/// The weights after them. `data`: what a calibration without a file is over.
std::shared_ptr<Weights> transform(PointRun& run, const std::vector<Transformation>& transformations, std::shared_ptr<Weights> weights,
                                   DType activations, const EvaluationData& data);

}  // namespace ablate
