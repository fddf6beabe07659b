#include "train/loss_spikes.h"

#include "base/error.h"

#include <algorithm>
#include <limits>
#include <sstream>

namespace ablate {

LossSpikes::LossSpikes(const TrainSettings& settings)
    : action_(settings.on_loss_spike), factor_(settings.loss_spike_factor), window_(static_cast<std::size_t>(settings.loss_spike_window)) {}

// Of an even number the upper one of the two in the middle.
double LossSpikes::median() const {
  std::vector<float> sorted = losses_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return static_cast<double>(*middle);
}

float LossSpikes::limit() const {
  if (!watched() || losses_.size() < std::min(least_losses, window_)) return std::numeric_limits<float>::infinity();
  return static_cast<float>(factor_ * median());
}

void LossSpikes::step_done(std::int64_t step, float loss, bool spike) {
  if (!watched()) return;
  if (!spike) {
    in_a_row_ = 0;
    if (losses_.size() == window_) losses_.erase(losses_.begin());
    losses_.push_back(loss);
    return;
  }
  const std::string what = fmt::format("step {}: the loss of {:.4g} is over {} times the median of the last {} ({:.4g})", step,
                                       static_cast<double>(loss), factor_, losses_.size(), median());
  if (action_ == "stop") throw RunError(what + ": train.on_loss_spike = \"stop\"");
  ++count_;
  if (++in_a_row_ == most_in_a_row)
    throw RunError(fmt::format("{}, as in the {} steps before: no spike but a training that broke", what, in_a_row_ - 1));
}

std::string LossSpikes::counts() const { return fmt::format("{} {}", count_, in_a_row_); }

void LossSpikes::restore(std::vector<float> losses, const std::string& counts, const std::string& where) {
  std::istringstream in(counts);
  require(static_cast<bool>(in >> count_ >> in_a_row_) && losses.size() <= window_, "{}: not what is saved of loss spikes", where);
  losses_ = std::move(losses);
}

}  // namespace ablate
