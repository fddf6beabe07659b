// Training in float64 that rounds where the engine stores 16 bits: what mixed precision should give, without the engine's kernels.
//
// Every op's result is rounded to the element type once, and so is every gradient on its way back, also when one is added to another; weight
// matrices are read rounded; vectors, log-sum-exps, weight gradients and the optimizer are exact. Without a type nothing is rounded, which
// must reproduce the goldens.
#pragma once

#include "base/dtype.h"
#include "model/config.h"
#include "train/train_settings.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ablate::test {

struct RoundedStep {
  double loss = 0, grad_norm = 0;
  bool skipped = false;  ///< a gradient overflowed
  double loss_scale = 1;
};

class RoundedTraining {
 public:
  /// `parameters`: by name, in float64; those named in `matrices` are read in `type`, of the others `vectors` do not decay.
  struct Parameter {
    std::vector<double> value;
    bool matrix = false, decays = false;
    std::vector<double> gradient{}, m{}, v{};
  };
  RoundedTraining(const TransformerConfig& config, const TrainSettings& settings, std::map<std::string, Parameter> parameters,
                  std::optional<DType> type);

  /// ids: batch rows of seq_len + 1.
  RoundedStep step(const std::vector<std::int32_t>& ids, double lr);

  /// Of the last step, loss scale taken out.
  std::vector<double> gradient(const std::string& name) const;

 private:
  const TransformerConfig config_;
  const TrainSettings settings_;
  std::map<std::string, Parameter> parameters_;
  std::optional<DType> type_;
  double loss_scale_ = 1, used_scale_ = 1;
  int updates_ = 0;
};

}  // namespace ablate::test
