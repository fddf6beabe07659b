#include "report/metric.h"

#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

/// Two seeds of the same model differ by about 0.04 in loss, 4 points in sink_ratio and 10 % in spike at the 7M scale; published tables are
/// single runs. So an arrow needs: 1 % of perplexity, 0.01 nats of loss, 2 points of sink ratio, 10 % of spike.
const std::vector<MetricInfo>& known() {
  static const std::vector<MetricInfo> table = {
      {.key = "perplexity", .label = "Perplexity", .meaning = "exp of the loss", .decimals = 2, .smallest = 0.01},
      {.key = "loss",
       .label = "Loss",
       .unit = "nats",
       .meaning = "nats per token, on validation data after training",
       .decimals = 3,
       .by_difference = true,
       .smallest = 0.01},
      {.key = "sink_ratio",
       .label = "Sink ratio",
       .unit = "%",
       .meaning = "share of (sequence, layer, head) triples whose first token draws more than 0.3 of the attention",
       .decimals = 1,
       .smallest = 2,
       .smallest_is_absolute = true},
      {.key = "spike", .label = "Spike", .meaning = "largest magnitude of any residual state", .decimals = 1, .smallest = 0.1, .log = true},
      {.key = "spike_after_layers",
       .label = "Spike after layers",
       .meaning = "largest magnitude of the residual states after whole layers",
       .decimals = 1,
       .smallest = 0.1,
       .log = true},
      {.key = "state_ratio",
       .label = "Over the state's median",
       .meaning = "largest magnitude over the median of its sequence's state, the largest of all states",
       .decimals = 0,
       .smallest = 0.1,
       .log = true},
      {.key = "token_ratio",
       .label = "Over the token's median",
       .meaning = "largest magnitude over the median of its own token, the largest of all tokens and states",
       .decimals = 0,
       .smallest = 0.1,
       .log = true},
      {.key = "token_massive",
       .label = "Tokens with a spike",
       .meaning = "tokens whose largest magnitude is over 100 and a thousand times their own median, of the state that has most",
       .decimals = 0},
      {.key = "token_massive_share",
       .label = "Share of tokens with a spike",
       .unit = "%",
       .meaning = "the same of all tokens: a few percent are a token spike, most of them a channel outlier",
       .decimals = 1,
       .smallest = 1,
       .smallest_is_absolute = true},
      {.key = "sink_mass",
       .label = "Sink mass",
       .meaning = "mean attention on the first key",
       .decimals = 3,
       .smallest = 0.02,
       .smallest_is_absolute = true},
      {.key = "sink_ratio_early",
       .label = "Early sink ratio",
       .unit = "%",
       .meaning = "the same for any position of the first half",
       .decimals = 1,
       .smallest = 2,
       .smallest_is_absolute = true},
      {.key = "vocabulary_share",
       .label = "Spiking tokens",
       .unit = "%",
       .meaning = "share of the vocabulary whose largest magnitude reaches half of the spike",
       .decimals = 1,
       .smallest = 1,
       .smallest_is_absolute = true},
      {.key = "vocabulary_massive",
       .label = "Massive tokens",
       .unit = "%",
       .meaning = "share of the vocabulary with a massive activation (Sun et al. 2024)",
       .decimals = 1,
       .smallest = 1,
       .smallest_is_absolute = true},
      {.key = "massive_activations",
       .label = "Massive activations",
       .meaning = "how many the state with most has, all sequences together",
       .decimals = 0},
      {.key = "kurtosis",
       .label = "Kurtosis",
       .meaning = "of norms, blocks' and layers' outputs, a sequence each; a normal distribution has 3 (Bondarenko et al. 2023)",
       .decimals = 1,
       .smallest = 0.1,
       .log = true},
      {.key = "excess_kurtosis", .label = "Excess kurtosis", .meaning = "kurtosis - 3", .decimals = 2, .smallest = 0.1},
      {.key = "max_kurtosis", .label = "Largest kurtosis", .meaning = "of a hook point", .decimals = 1, .smallest = 0.1, .log = true},
      {.key = "max_inf_norm",
       .label = "Max inf-norm",
       .meaning = "largest over hook points of the mean over sequences of the largest magnitude (Bondarenko et al. 2023)",
       .decimals = 1,
       .smallest = 0.1,
       .log = true},
      {.key = "peak_to_median",
       .label = "Peak to median",
       .meaning = "largest token over the median one, of the hook point where that is most (PrefixQuant)",
       .decimals = 1,
       .smallest = 0.1,
       .log = true},
      {.key = "sqnr",
       .label = "SQNR",
       .unit = "dB",
       .meaning = "signal over the noise of its codes, mean over hook points",
       .decimals = 1,
       .by_difference = true,
       .smallest = 0.5},
      {.key = "sqnr_worst",
       .label = "Worst SQNR",
       .unit = "dB",
       .meaning = "the same of the hook point where it is least",
       .decimals = 1,
       .by_difference = true,
       .smallest = 0.5},
      {.key = "quantized_sqnr",
       .label = "SQNR of activations",
       .unit = "dB",
       .meaning = "signal over the noise of its codes, mean over the hook points that are quantized",
       .decimals = 1,
       .by_difference = true,
       .smallest = 0.5},
      {.key = "quantized_sqnr_worst",
       .label = "Worst SQNR of activations",
       .unit = "dB",
       .meaning = "the same of the hook point where it is least",
       .decimals = 1,
       .by_difference = true,
       .smallest = 0.5},
      {.key = "quantized_weight_sqnr",
       .label = "SQNR of weights",
       .unit = "dB",
       .meaning = "signal over the noise of its codes, mean over the weights that are quantized",
       .decimals = 1,
       .by_difference = true,
       .smallest = 0.5},
      {.key = "sink_cost",
       .label = "Cost of the sink",
       .meaning = "perplexity of a stream without its first keys, less that with them, as many keys in all (StreamingLLM)",
       .decimals = 2,
       .by_difference = true,
       .smallest = 0.1},
      {.key = "non_finite", .label = "Not finite", .meaning = "infinities and NaNs at all hook points and among the losses", .decimals = 0},
      {.key = "train_loss",
       .label = "Training loss",
       .unit = "nats",
       .meaning = "nats per token, last steps of training",
       .decimals = 3,
       .by_difference = true,
       .smallest = 0.01},
      {.key = "grad_norm", .label = "Gradient norm", .meaning = "global norm before clipping", .log = true},
      {.key = "lr", .label = "Learning rate"},
      {.key = "tokens_per_s", .label = "Tokens per second", .decimals = 0},
  };
  return table;
}

std::string capitalised(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string signed_number(const std::string& digits, double value) { return value > 0 ? "+" + digits : digits; }

}  // namespace

std::string MetricInfo::in_a_sentence() const {
  std::string text = label;
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

MetricInfo metric_info(const std::string& key) {
  for (const MetricInfo& info : known())
    if (info.key == key) return info;
  MetricInfo info{.key = key, .label = capitalised(key)};
  for (const char* own : {"loss", "perplexity", "sqnr", "sink_cost"}) {  // of an [[evaluation]] by its name: "w4a4_loss"
    const std::string suffix = std::string("_") + own;
    if (key.size() <= suffix.size() || !key.ends_with(suffix)) continue;
    info = metric_info(own);
    const std::string name = key.substr(0, key.size() - suffix.size());
    const bool abbreviation = info.label == "SQNR";
    info.label = fmt::format("{}: {}", capitalised(name), abbreviation ? info.label : info.in_a_sentence());
    info.key = key, info.meaning += fmt::format("; of the evaluation {}", name);
  }
  return info;
}

std::vector<std::string> headline_metrics(const std::vector<std::string>& present, const std::vector<std::string>& with_reference) {
  const auto has = [](const std::vector<std::string>& keys, const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  std::vector<std::string> chosen;
  const auto choose = [&](const std::string& key) {
    if (!has(chosen, key)) chosen.push_back(key);
  };
  const bool both = has(with_reference, "perplexity") && has(with_reference, "loss");  // one is the other's exponential
  for (const std::string key : {"perplexity", "loss", "sink_ratio", "spike"})
    if (has(with_reference, key) && !(both && key == "loss")) choose(key);
  for (const std::string& key : with_reference)
    if (!(both && key == "loss")) choose(key);
  // Training is followed by its loss; of a model that is there already, perplexity is what is published.
  if (!has(chosen, "perplexity") && !has(chosen, "loss") && has(present, "loss"))
    chosen.insert(chosen.begin(), has(present, "train_loss") || !has(present, "perplexity") ? "loss" : "perplexity");
  if (with_reference.empty())
    for (const std::string key : {"vocabulary_share", "vocabulary_massive", "massive_activations"})
      if (has(present, key)) choose(key);
  for (const std::string key : {"sink_ratio", "spike"})
    if (has(present, key)) choose(key);
  if (chosen.size() < 4 && with_reference.empty() && has(present, "sink_mass")) choose("sink_mass");
  if (chosen.empty() || (chosen.size() == 1 && chosen[0] == "loss"))
    for (std::size_t i = 0; i < present.size() && chosen.size() < 4; ++i) choose(present[i]);
  return chosen;
}

std::string format_metric(const MetricInfo& info, double value) { return info.decimals < 0 ? number(value) : number(value, info.decimals); }

Direction direction_of(const MetricInfo& info, double first, double value, double spread) {
  if (!std::isfinite(first) || !std::isfinite(value)) return Direction::unknown;
  const bool absolute = info.by_difference || info.smallest_is_absolute;
  const double smallest = std::max(absolute ? info.smallest : info.smallest * std::abs(first), spread);
  const double change = value - first;
  return std::abs(change) <= smallest ? Direction::none : change > 0 ? Direction::up : Direction::down;
}

std::string format_change(const MetricInfo& info, double first, double value) {
  const double change = value - first;
  if (!std::isfinite(change)) return "";
  if (info.by_difference || first == 0) return signed_number(info.decimals < 0 ? number(change) : number(change, info.decimals), change);
  const double ratio = value / first;
  if (ratio > 2.5) return "×" + number(ratio, ratio < 10 ? 1 : 0);
  const double percent = 100 * (ratio - 1);
  return signed_number(number(percent, std::abs(percent) < 9.95 ? 1 : 0), percent) + " %";
}

}  // namespace ablate::report
