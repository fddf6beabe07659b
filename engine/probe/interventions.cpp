#include "probe/interventions.h"

#include "base/hadamard.h"
#include "model/config.h"
#include "ops/convert.h"
#include "ops/hadamard.h"
#include "ops/norm.h"
#include "probe/cut_in.h"
#include "probe/masked_keys.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ablate {
namespace {

bool is_step(const std::string& at) { return at == "step_up" || at == "step_down"; }

std::vector<std::uint32_t> unsigned_list(const std::vector<int>& list) { return {list.begin(), list.end()}; }

// Looks up what interventions refer to. Without `intact`, whatever only that would tell is left out.
struct Resolver {
  const TransformerConfig& config;
  const IntactModel* intact;
  std::uint32_t tokens;
  std::map<std::string, std::map<std::string, MeansProbe::Mean>> files{};  // means by statistics file, or by the point that recorded them
  std::map<std::string, std::map<std::string, RangesProbe::Range>> range_files{};  // the same of ranges

  std::vector<Hook> hooks(const InterventionSettings& in) const;
  std::vector<ParameterSpec> weights(const InterventionSettings& in) const;
  std::vector<Hook> step_blocks(const InterventionSettings& in, const std::string& at) const;
  std::vector<std::uint32_t> channels(const InterventionSettings& in, const Hook& hook) const;
  std::vector<std::uint32_t> heads(const InterventionSettings& in, const Hook& hook) const;
  std::vector<std::uint32_t> positions(const InterventionSettings& in, const Hook& hook) const;
  const MeansProbe::Mean* mean(const InterventionSettings& in, const Hook& hook);
  const RangesProbe::Range* range(const InterventionSettings& in, const Hook& hook);
  Quantization quantization(const InterventionSettings& in, const Hook& hook);
  CutIn cut(const InterventionSettings& in, const Hook& hook);
};

// The blocks found, or where they are not yet known all blocks, whose hook points are alike.
std::vector<Hook> Resolver::step_blocks(const InterventionSettings& in, const std::string& at) const {
  if (!intact) return matching_hooks(config, "block.*", in.where("at"));
  const auto& blocks = at == "step_up" ? intact->step_up_blocks : intact->step_down_blocks;
  require(!blocks.empty(), "{}: the intact model has no {} block", in.where("at"), at == "step_up" ? "step-up" : "step-down");
  std::vector<Hook> found;
  for (const int block : blocks) found.push_back(make_hook(config, Site::block, block));
  return found;
}

// Each once, however many patterns name it.
std::vector<Hook> Resolver::hooks(const InterventionSettings& in) const {
  std::vector<Hook> all;
  std::set<std::string> seen;
  for (const std::string& at : in.at) {
    if (names_weights(at)) continue;
    for (const Hook& hook : is_step(at) ? step_blocks(in, at) : matching_hooks(config, at, in.where("at")))
      if (seen.insert(hook.name()).second) all.push_back(hook);
  }
  return all;
}

// The weights, each once.
std::vector<ParameterSpec> Resolver::weights(const InterventionSettings& in) const {
  std::vector<ParameterSpec> all;
  std::set<std::string> seen;
  for (const std::string& at : in.at) {
    if (!names_weights(at)) continue;
    require(in.quantization.has_value(), "{}: do = \"{}\" acts on hook points, not on weights (\"{}\"), which do = \"quantize\" can change",
            in.where("at"), in.action, at);
    for (const ParameterSpec& spec : matching_weights(config, at, in.where("at")))
      if (seen.insert(spec.name).second) all.push_back(spec);
  }
  return all;
}

std::vector<std::uint32_t> Resolver::heads(const InterventionSettings& in, const Hook& hook) const {
  require(in.heads.all || hook.heads > 0, "{}: {} has no heads", in.where("heads"), hook.name());
  for (const int head : in.heads.list)
    require(static_cast<std::uint32_t>(head) < hook.heads, "{}: head {} at {}, which has {}", in.where("heads"), head, hook.name(),
            hook.heads);
  return unsigned_list(in.heads.list);
}

// Empty: all.
std::vector<std::uint32_t> Resolver::channels(const InterventionSettings& in, const Hook& hook) const {
  if (!in.heads.all) {
    const std::vector<std::uint32_t> chosen = heads(in, hook);
    return channels_of_heads(chosen, hook.channels / hook.heads);
  }
  if (in.channels.found == "spike") {
    require(hook.in_residual_channels(), "{}: the spike's channels are those of the residual stream, {} has others", in.where("channels"),
            hook.name());
    return intact ? unsigned_list(intact->spike.channels) : std::vector<std::uint32_t>{};
  }
  for (const int channel : in.channels.list)
    require(static_cast<std::uint32_t>(channel) < hook.channels, "{}: channel {} at {}, which has {}", in.where("channels"), channel,
            hook.name(), hook.channels);
  return unsigned_list(in.channels.list);
}

// Empty: all.
std::vector<std::uint32_t> Resolver::positions(const InterventionSettings& in, const Hook& hook) const {
  require(in.tokens.all || hook.every_token, "{}: {} is the same for all tokens", in.where("tokens"), hook.name());
  if (in.tokens.found == "spike")
    return intact ? std::vector{static_cast<std::uint32_t>(intact->spike.token)} : std::vector<std::uint32_t>{};
  for (const int token : in.tokens.list)
    require(static_cast<std::uint32_t>(token) < tokens, "{}: token {} of sequences of {}", in.where("tokens"), token, tokens);
  return unsigned_list(in.tokens.list);
}

const MeansProbe::Mean* Resolver::mean(const InterventionSettings& in, const Hook& hook) {
  const bool unknown = in.statistics.empty() || in.statistics.starts_with("@") || std::any_of(in.at.begin(), in.at.end(), is_step);
  if (!in.uses_means() || (!intact && unknown)) return nullptr;
  if (!in.statistics.empty() && !files.contains(in.statistics)) files[in.statistics] = read_means(in.statistics);
  const auto& means = in.statistics.empty() ? intact->means : files[in.statistics];
  const std::string& where = in.where("statistics");
  const auto found = means.find(in.tokens.found == "largest" ? hook.name() + ".largest" : hook.name());
  require(found != means.end(), "{}: {} has no mean of {}", where, in.statistics.empty() ? "the intact model" : in.statistics, hook.name());
  require(found->second.channels == hook.channels, "{}: the mean of {} has {} channels, the model {}", where, hook.name(),
          found->second.channels, hook.channels);
  return &found->second;
}

const RangesProbe::Range* Resolver::range(const InterventionSettings& in, const Hook& hook) {
  const std::string& statistics = in.statistics;
  if (!intact && (statistics.empty() || statistics.starts_with("@"))) return nullptr;
  if (!statistics.empty() && !range_files.contains(statistics)) range_files[statistics] = read_ranges(statistics);
  const auto& ranges = statistics.empty() ? intact->ranges : range_files[statistics];
  const std::uint32_t except = in.quantization->quantization.except_tokens;
  const auto found = ranges.find(RangesProbe::name_of(hook.name(), except));
  require(found != ranges.end(), "{}: {} has no range of {}{}", in.where("statistics"),
          statistics.empty() ? "the intact model" : statistics, hook.name(),
          except > 0 ? fmt::format(" without the first {} tokens", except) : "");
  require(found->second.least.size() == hook.channels, "{}: the range of {} has {} channels, the model {}", in.where("statistics"),
          hook.name(), found->second.least.size(), hook.channels);
  return &found->second;
}

// --- What an action makes of a hook point ---

using Floats = std::vector<float>;

Floats at_channels(const Floats& all, const std::vector<std::uint32_t>& channels) {
  if (channels.empty()) return all;
  Floats values;
  for (const std::uint32_t channel : channels) values.push_back(all[channel]);
  return values;
}

Floats average_over_tokens(const MeansProbe::Mean& mean) {
  std::vector<double> sums(mean.channels);
  for (std::size_t i = 0; i < mean.values.size(); ++i) sums[i % mean.channels] += static_cast<double>(mean.values[i]);
  Floats average;
  for (const double sum : sums) average.push_back(static_cast<float>(sum / mean.tokens));
  return average;
}

// Means for a list of positions differ per position: one edit each. Over all positions it is the mean over them too.
std::vector<Edit> edits_to_means(const InterventionSettings& in, const MeansProbe::Mean& mean, const std::vector<std::uint32_t>& channels,
                                 const std::vector<std::uint32_t>& positions) {
  if (positions.empty()) return {{.kind = EditKind::set, .channels = channels, .value = at_channels(average_over_tokens(mean), channels)}};
  std::vector<Edit> edits;
  for (const std::uint32_t t : positions) {
    require(t < mean.tokens, "{}: the means cover {} positions, {} is wanted", in.where("tokens"), mean.tokens, t);
    const auto row = mean.values.begin() + std::ptrdiff_t{t} * mean.channels;
    edits.push_back(
        {.kind = EditKind::set, .channels = channels, .tokens = {t}, .value = at_channels({row, row + mean.channels}, channels)});
  }
  return edits;
}

// The direction of `value` or of the mean over all tokens, on the given channels; 0 on the others.
Floats direction_of(const InterventionSettings& in, const MeansProbe::Mean* mean, const std::vector<std::uint32_t>& channels,
                    std::uint32_t width) {
  Floats direction(width);
  const Floats values = mean ? at_channels(average_over_tokens(*mean), channels) : Floats(in.value.begin(), in.value.end());
  for (std::size_t i = 0; i < (channels.empty() ? width : channels.size()); ++i)
    direction[channels.empty() ? i : channels[i]] = values[values.size() == 1 ? 0 : i];
  double squares = 0;
  for (const float d : direction) squares += static_cast<double>(d) * static_cast<double>(d);
  require(squares > 0, "{}: the direction to project out is zero", in.where(mean ? "statistics" : "value"));
  for (float& d : direction) d = static_cast<float>(static_cast<double>(d) / std::sqrt(squares));
  return direction;
}

void require_values(const InterventionSettings& in, const Hook& hook, std::size_t channels) {
  const bool listed = channels > 0, direction = in.action == "project_out";
  const std::size_t wanted = listed ? channels : hook.channels;
  require(in.value.empty() || in.value.size() == wanted || (in.value.size() == 1 && (listed || !direction)),
          "{}: {} values for {} channels of {}", in.where("value"), in.value.size(), wanted, hook.name());
}

// Static ranges of a granularity from those of all channels.
Floats static_ranges(const RangesProbe::Range& range, const std::string& granularity) {
  if (granularity != "channel") {
    return {*std::min_element(range.least.begin(), range.least.end()), *std::max_element(range.most.begin(), range.most.end())};
  }
  Floats ranges;
  for (std::size_t c = 0; c < range.least.size(); ++c) ranges.insert(ranges.end(), {range.least[c], range.most[c]});
  return ranges;
}

Quantization Resolver::quantization(const InterventionSettings& in, const Hook& hook) {
  in.quantization->check(false, [&](std::string_view key) -> const std::string& { return in.where(key); });
  Quantization q = in.quantization->quantization;
  q.heads = hook.heads;
  require(q.granularity != "head" || hook.heads > 0, "{}: {} has no heads", in.where("granularity"), hook.name());
  require(q.except_tokens == 0 || hook.every_token, "{}: {} is the same for all tokens", in.where("except_tokens"), hook.name());
  require(q.except_tokens < tokens, "{}: sequences of {} have no tokens but the first {}", in.where("except_tokens"), tokens,
          q.except_tokens);
  if (!in.uses_ranges()) return q;
  if (const RangesProbe::Range* recorded = range(in, hook)) q.range = static_ranges(*recorded, q.granularity);
  for (const float bound : q.range)
    if (!std::isfinite(bound)) throw RunError(fmt::format("{}: the range of {} is not finite", in.where("range"), hook.name()));
  return q;
}

CutIn Resolver::cut(const InterventionSettings& in, const Hook& hook) {
  const std::string why_not = refusal(in.rule(), hook);
  require(why_not.empty(), "{}: {}", in.where("at"), why_not);
  CutIn cut{.positions = positions(in, hook)};
  if (in.quantization) {
    cut.quantization = quantization(in, hook);
    cut.turned = in.quantization->turned;
    if (cut.turned) hadamard_factors(hook.channels, (in.where("hadamard") + ": " + hook.name()).c_str());
    return cut;
  }
  if (in.action == "norm") {
    require(Norms::has(in.name), "{}: there is no norm \"{}\"", in.where("value"), in.name);
    cut.norm = in.name;
    return cut;
  }
  if (in.action == "mask_key") {
    cut.keys = cut.positions, cut.heads = heads(in, hook);
    for (const std::uint32_t key : cut.keys)
      require(key + 1 < tokens, "{}: masking key {} changes nothing in sequences of {}: no query comes after it", in.where("tokens"), key,
              tokens);
    return cut;
  }
  const std::vector<std::uint32_t> chosen = channels(in, hook);
  const bool spike_unknown = !intact && in.channels.found == "spike";
  if (!spike_unknown) require_values(in, hook, chosen.size());
  const MeansProbe::Mean* recorded = mean(in, hook);
  cut.largest = in.tokens.found == "largest";
  if (in.uses_means() && !recorded) return cut;
  if (in.action == "project_out") {
    if (!spike_unknown) cut.direction = direction_of(in, recorded, chosen, hook.channels);
  } else if (recorded) {
    cut.edits = edits_to_means(in, *recorded, chosen, cut.positions);
  } else {
    static const std::map<std::string, EditKind> kinds = {
        {"zero", EditKind::zero}, {"skip", EditKind::zero}, {"scale", EditKind::scale}, {"set", EditKind::set}, {"clamp", EditKind::clamp}};
    const Floats value = in.value.empty() ? Floats{0.0f} : Floats(in.value.begin(), in.value.end());
    if (in.action == "skip" && cut.positions.empty()) cut.leaves_out = hook.block();
    cut.edits = {{.kind = kinds.at(in.action), .channels = chosen, .tokens = cut.positions, .value = value}};
  }
  return cut;
}

// --- Hooks ---

// By the name of the hook point, in the order of the file.
using CutIns = std::map<std::string, std::vector<CutIn>>;

const std::vector<CutIn>& cuts_at(const CutIns& cuts, const Hook& hook) {
  static const std::vector<CutIn> none;
  const auto found = cuts.find(hook.name());
  return found == cuts.end() ? none : found->second;
}

// Quantizations of weights by the parameter's name.
struct WeightCut {
  std::size_t intervention;
  Quantization quantization;
  bool turned;
  std::uint32_t matrices;
};
using WeightCuts = std::map<std::string, std::vector<WeightCut>>;

void add_weight_hook(Hooks& hooks, const WeightCuts& weights, const std::shared_ptr<Changes>& changes) {
  if (weights.empty()) return;
  hooks.weight = [weights, changes](Graph& graph, const std::string& name, const Matrix& w) {
    const auto found = weights.find(name);
    if (found == weights.end()) return w;
    Matrix y = in_numbers(graph, w);
    for (const WeightCut& cut : found->second) {
      const Matrix before = y;
      y = cut.turned ? quantize_turned(graph, before, cut.quantization, cut.matrices)
                     : quantize(graph, before, cut.quantization, cut.matrices);
      for (std::size_t i = 0; i < y.parts.size(); ++i)
        changes->watch_quantized_weight(graph, cut.intervention, name, before.parts[i], y.parts[i]);
    }
    return y;
  };
}

void add_hooks(Hooks& hooks, const CutIns& edits, const CutIns& norms, const CutIns& masks, const std::shared_ptr<Changes>& changes) {
  hooks.changes_logits = edits.contains("logits");
  std::set<int> left_out;
  for (const auto& [name, cuts] : edits)
    for (const CutIn& cut : cuts)
      if (cut.leaves_out > 0) left_out.insert(cut.leaves_out);
  if (!left_out.empty()) hooks.left_out = [left_out](int block) { return left_out.contains(block); };
  if (!edits.empty())
    hooks.at = [edits, changes](Graph& graph, const Hook& hook, const Tensor& x) {
      Tensor y = x;
      for (const CutIn& cut : cuts_at(edits, hook)) {
        const Tensor before = y;
        y = cut_in(graph, before, cut);
        if (cut.quantization)
          changes->watch_quantization(graph, cut.intervention, hook.name(), before, y, cut.quantization->except_tokens,
                                      hook.every_sequence);
        else changes->watch(graph, cut.intervention, before, y, hook.every_sequence);
      }
      return y;
    };
  if (!norms.empty())
    hooks.norm = [norms, changes](Graph& graph, const Hook& hook, const std::string& kind, const auto& norm_of) {
      Tensor y = norm_of(kind);
      for (const CutIn& cut : cuts_at(norms, hook)) {
        const Tensor before = y;
        y = norm_of(cut.norm);
        changes->watch(graph, cut.intervention, before, y);
      }
      return y;
    };
  if (!masks.empty())
    hooks.mask_keys = [masks, changes](Graph& graph, AttentionCall& call) {
      if (const auto& cuts = cuts_at(masks, call.probs); !cuts.empty()) mask_keys(graph, call, cuts, *changes);
    };
}

}  // namespace

std::string refusal(const ActionRule& rule, const Hook& hook) {
  const std::string name = hook.name();
  const bool norm = hook.site == Site::input_norm || hook.site == Site::final_norm, probs = hook.site == Site::probs;
  if (rule.name == "mask_key" && !probs)
    return fmt::format("do = \"mask_key\" acts on attention weights (\"layer.3.attn.probs\"), not on {}", name);
  if (rule.name != "mask_key" && probs)
    return fmt::format("attention weights can only be masked (do = \"mask_key\"), found do = \"{}\" at {}", rule.name, name);
  if (rule.name == "skip" && hook.site != Site::block) return fmt::format("do = \"skip\" leaves out blocks, {} is none", name);
  if (rule.name == "norm" && !norm)
    return fmt::format("do = \"norm\" acts where a norm is (\"layer.3.attn_norm\", \"final_norm\"), not on {}", name);
  if (rule.name == "norm" && !hook.input_has_norm) return fmt::format("this model has no norm at {}", name);
  return "";
}

bool needs_intact_model(const std::vector<InterventionSettings>& interventions) {
  return std::any_of(interventions.begin(), interventions.end(), [](const InterventionSettings& in) {
    return std::any_of(in.at.begin(), in.at.end(), is_step) || in.channels.found == "spike" || in.tokens.found == "spike" ||
           ((in.action == "mean" || in.uses_ranges()) && in.statistics.empty());
  });
}

RangesWanted ranges_wanted(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config) {
  const Resolver resolver{config, nullptr, 0};
  std::set<std::string> names;
  std::set<std::uint32_t> except_tokens;
  for (const InterventionSettings& in : interventions) {
    if (!in.uses_ranges() || !in.statistics.empty()) continue;
    for (const Hook& hook : resolver.hooks(in)) names.insert(hook.name());
    except_tokens.insert(in.quantization->quantization.except_tokens);
  }
  return {{names.begin(), names.end()}, {except_tokens.begin(), except_tokens.end()}};
}

std::vector<std::string> means_wanted(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                                      const IntactModel& intact) {
  const Resolver resolver{config, &intact, 0};
  std::set<std::string> names;
  for (const InterventionSettings& in : interventions)
    if (in.action == "mean" && in.statistics.empty())
      for (const Hook& hook : resolver.hooks(in)) names.insert(hook.name());
  return {names.begin(), names.end()};
}

IntactModel presumed_model(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config, std::uint32_t tokens,
                           const std::function<bool(const InterventionSettings&, const Hook&)>& records) {
  IntactModel model;
  model.spike.channels = {0};
  for (const InterventionSettings& in : interventions)  // a value for each of them says how many they will be
    while (in.channels.found == "spike" && model.spike.channels.size() < in.value.size())
      model.spike.channels.push_back(static_cast<int>(model.spike.channels.size()));
  model.step_up_blocks = {1};
  model.step_down_blocks = {config.blocks()};
  const Resolver resolver{config, &model, 0};
  std::map<std::string, MeansProbe::Mean> means;
  for (const InterventionSettings& in : interventions) {
    const bool elsewhere = in.statistics.starts_with("@");
    if (in.uses_ranges()) {
      if (elsewhere) model.recorded_ranges[in.statistics];
      auto& ranges = elsewhere ? model.recorded_ranges[in.statistics] : model.ranges;
      for (const Hook& hook : resolver.hooks(in))
        if (!elsewhere || records(in, hook))
          ranges[RangesProbe::name_of(hook.name(), in.quantization->quantization.except_tokens)] = {Floats(hook.channels, -1.0f),
                                                                                                    Floats(hook.channels, 1.0f)};
      continue;
    }
    if (elsewhere) model.recorded[in.statistics];
    else if (!in.statistics.empty() || in.action != "mean") continue;
    for (const Hook& hook : resolver.hooks(in)) {
      if (elsewhere && !records(in, hook)) continue;
      auto& all = elsewhere ? model.recorded[in.statistics] : means;
      all[hook.name()] = {tokens, hook.channels, std::vector<float>(std::size_t{tokens} * hook.channels, 1.0f)};
      all[hook.name() + ".largest"] = {1, hook.channels, std::vector<float>(hook.channels, 1.0f)};
    }
  }
  model.means = std::move(means);
  return model;
}

void check_interventions(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config, std::uint32_t tokens) {
  Resolver resolver{config, nullptr, tokens};
  for (const InterventionSettings& in : interventions) {
    for (const Hook& hook : resolver.hooks(in)) resolver.cut(in, hook);
    const std::vector<ParameterSpec> weights = resolver.weights(in);
    if (weights.empty()) continue;
    in.quantization->check(true, [&](std::string_view key) -> const std::string& { return in.where(key); });
    for (const ParameterSpec& spec : weights)
      if (in.quantization->turned)
        hadamard_factors(static_cast<std::size_t>(spec.shape[1]), (in.where("hadamard") + ": " + spec.name).c_str());
  }
}

AppliedInterventions apply(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                           const IntactModel& intact, std::uint32_t tokens) {
  Resolver resolver{config, &intact, tokens, intact.recorded, intact.recorded_ranges};
  AppliedInterventions applied{{}, std::make_shared<Changes>(interventions.size())};
  CutIns edits, norms, masks;
  WeightCuts weights;
  for (std::size_t i = 0; i < interventions.size(); ++i) {
    for (const Hook& hook : resolver.hooks(interventions[i])) {
      CutIn cut = resolver.cut(interventions[i], hook);
      cut.intervention = i;
      CutIns& cuts = !cut.norm.empty() ? norms : !cut.keys.empty() ? masks : edits;
      cuts[hook.name()].push_back(std::move(cut));
    }
    for (const ParameterSpec& spec : resolver.weights(interventions[i]))
      weights[spec.name].push_back({i, interventions[i].quantization->quantization, interventions[i].quantization->turned,
                                    static_cast<std::uint32_t>(spec.matrices)});
  }
  add_hooks(applied.hooks, edits, norms, masks, applied.changes);
  add_weight_hook(applied.hooks, weights, applied.changes);
  return applied;
}

std::vector<std::string> AppliedInterventions::require_changes(const std::vector<InterventionSettings>& interventions) const {
  std::vector<std::string> idle;
  for (std::size_t i = 0; i < interventions.size(); ++i) {
    if (changes->of(i) > 0) continue;
    idle.push_back(
        fmt::format("{}: this intervention changes nothing: every element it acts on is what it would be", interventions[i].where("at")));
    require(interventions[i].may_change_nothing(), "{}", idle.back());
  }
  return idle;
}

}  // namespace ablate
