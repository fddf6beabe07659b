// What a loss spike is, and what is done about one.
//
// A step is a loss spike when its loss is over `loss_spike_factor` times the median of the last `loss_spike_window` losses of steps that were
// none. The first 20 steps (or the window, if that is shorter) are none. The update of a spike is left out ("skip"), or the training ends
// ("stop"); its data are not seen again. The losses that decide are those of the run's own steps, in their order, and are saved with it.
#pragma once

#include "train/train_settings.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ablate {

class LossSpikes {
 public:
  explicit LossSpikes(const TrainSettings& settings);

  bool watched() const { return action_ != "none"; }

  /// A loss over it makes the next step a spike; infinity while nothing can be told.
  float limit() const;

  /// The next step is done. Throws RunError for a spike that ends the training: one that is to stop it, or too many in a row.
  void step_done(std::int64_t step, float loss, bool spike);

  /// Spikes so far.
  std::int64_t count() const { return count_; }

  /// What is saved: the losses that decide, the oldest first; the counts of all spikes and of the last ones in a row.
  const std::vector<float>& losses() const { return losses_; }
  std::string counts() const;
  /// Throws InputError "where: ..." for counts that counts() did not write.
  void restore(std::vector<float> losses, const std::string& counts, const std::string& where);

  static constexpr std::size_t least_losses = 20;
  static constexpr std::int64_t most_in_a_row = 20;

 private:
  double median() const;

  std::string action_;
  double factor_;
  std::size_t window_;
  std::vector<float> losses_;
  std::int64_t count_ = 0, in_a_row_ = 0;
};

}  // namespace ablate
