#include "probe/interventions.h"

#include "ops/edit.h"
#include "ops/largest_token.h"
#include "ops/norm.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ablate {
namespace {

// One intervention at one hook point, with everything it refers to looked up.
struct Cut {
  const InterventionSettings* settings;
  std::vector<std::uint32_t> channels, tokens;  // empty: all
  const MeansProbe::Mean* mean = nullptr;
};

struct Resolver {
  const TransformerConfig& config;
  const IntactModel& intact;
  std::uint32_t rows, tokens;
  std::map<std::string, std::map<std::string, MeansProbe::Mean>> files = intact.recorded;  // means by statistics file

  std::vector<std::string> hook_points(const InterventionSettings& in) const;
  std::uint32_t channels_at(const std::string& hook) const;
  std::vector<std::uint32_t> channels(const InterventionSettings& in, const std::string& hook) const;
  std::vector<std::uint32_t> positions(const InterventionSettings& in) const;
  const MeansProbe::Mean* mean(const InterventionSettings& in, const std::string& hook);
};

std::vector<std::string> Resolver::hook_points(const InterventionSettings& in) const {
  std::vector<std::string> names;
  for (const std::string& at : in.at) {
    if (at == "step_up" || at == "step_down") {
      const auto& blocks = at == "step_up" ? intact.step_up_blocks : intact.step_down_blocks;
      require(!blocks.empty(), "{}: the intact model has no {} block", in.where, at == "step_up" ? "step-up" : "step-down");
      for (const int block : blocks) names.push_back("block." + std::to_string(block));
    } else {
      for (std::string& name : matching_hooks(config, at, in.where)) names.push_back(std::move(name));
    }
  }
  return names;
}

std::uint32_t Resolver::channels_at(const std::string& hook) const {
  const auto ends = [&](const char* tail) { return hook.ends_with(tail); };
  const int q = config.n_heads * config.head_dim, kv = config.n_kv_heads * config.head_dim;
  if (ends(".q") || ends(".out")) return static_cast<std::uint32_t>(q);
  if (ends(".k") || ends(".v")) return static_cast<std::uint32_t>(kv);
  if (ends("attn.gate"))
    return config.gate == "channel" ? static_cast<std::uint32_t>(q)
           : config.gate == "head"  ? static_cast<std::uint32_t>(config.n_heads)
                                    : 1u;
  if (ends("ffn.gate") || ends("ffn.up") || ends("ffn.act")) return static_cast<std::uint32_t>(config.d_ffn);
  return static_cast<std::uint32_t>(hook == "logits" ? config.vocab_size : config.d_model);
}

std::vector<std::uint32_t> Resolver::channels(const InterventionSettings& in, const std::string& hook) const {
  std::vector<std::uint32_t> list;
  const std::uint32_t count = channels_at(hook);
  if (!in.heads.all) {
    const auto head_dim = static_cast<std::uint32_t>(config.head_dim);
    require(hook.find(".attn.") != std::string::npos, "{}: {} has no heads", in.where, hook);
    for (const int head : in.heads.list)
      require(static_cast<std::uint32_t>(head) < count / head_dim, "{}: head {} at {}, which has {}", in.where, head, hook,
              count / head_dim);
    list = channels_of_heads({in.heads.list.begin(), in.heads.list.end()}, head_dim);
  }
  const std::vector<int>& named = in.channels.found == "spike" ? intact.spike.channels : in.channels.list;
  for (const int channel : named) {
    require(static_cast<std::uint32_t>(channel) < count, "{}: channel {} at {}, which has {}", in.where, channel, hook, count);
    list.push_back(static_cast<std::uint32_t>(channel));
  }
  return list;
}

std::vector<std::uint32_t> Resolver::positions(const InterventionSettings& in) const {
  if (in.tokens.found == "spike") return {static_cast<std::uint32_t>(intact.spike.token)};
  for (const int token : in.tokens.list)
    require(static_cast<std::uint32_t>(token) < tokens, "{}: token {} of sequences of {}", in.where, token, tokens);
  return {in.tokens.list.begin(), in.tokens.list.end()};
}

const MeansProbe::Mean* Resolver::mean(const InterventionSettings& in, const std::string& hook) {
  const bool wanted = in.action == "mean" || (!in.statistics.empty() && in.value.empty());
  if (!wanted) return nullptr;
  if (!in.statistics.empty() && !files.contains(in.statistics)) files[in.statistics] = read_means(in.statistics);
  const auto& means = in.statistics.empty() ? intact.means : files[in.statistics];
  const auto found = means.find(in.tokens.found == "largest" ? hook + ".largest" : hook);
  require(found != means.end(), "{}: {} has no mean of {}", in.where, in.statistics.empty() ? "the intact model" : in.statistics, hook);
  require(found->second.channels == channels_at(hook), "{}: the mean of {} has {} channels, the model {}", in.where, hook,
          found->second.channels, channels_at(hook));
  return &found->second;
}

// The tokens that `tokens = "largest"` stands for, as a mask; none for all other choices.
Tensor mask_of(Graph& graph, const Tensor& x, const Cut& cut) {
  return cut.settings->tokens.found == "largest" ? token_mask(graph, largest_tokens(graph, x), x.dim(1)) : Tensor();
}

// Means for a list of positions differ per position: one edit each. Over all positions it is the mean over them too.
Tensor set_means(Graph& graph, Tensor x, const Cut& cut) {
  const MeansProbe::Mean& mean = *cut.mean;
  const auto row = [&](std::uint32_t t) {
    return std::vector<float>(mean.values.begin() + std::ptrdiff_t{t} * mean.channels,
                              mean.values.begin() + std::ptrdiff_t{t + 1} * mean.channels);
  };
  const auto chosen = [&](const std::vector<float>& all) {
    if (cut.channels.empty()) return all;
    std::vector<float> values;
    for (const std::uint32_t channel : cut.channels) values.push_back(all[channel]);
    return values;
  };
  if (const Tensor mask = mask_of(graph, x, cut))
    return edit(graph, x, {.kind = EditKind::set, .channels = cut.channels, .value = chosen(mean.values), .token_mask = mask});
  if (cut.tokens.empty()) {
    std::vector<float> average(mean.channels);
    for (std::size_t i = 0; i < mean.values.size(); ++i) average[i % mean.channels] += mean.values[i] / static_cast<float>(mean.tokens);
    return edit(graph, x, {.kind = EditKind::set, .channels = cut.channels, .value = chosen(average)});
  }
  for (const std::uint32_t t : cut.tokens) {
    require(t < mean.tokens, "{}: the means cover {} positions, {} is wanted", cut.settings->where, mean.tokens, t);
    x = edit(graph, x, {.kind = EditKind::set, .channels = cut.channels, .tokens = {t}, .value = chosen(row(t))});
  }
  return x;
}

Tensor project(Graph& graph, const Tensor& x, const Cut& cut) {
  const std::uint32_t dim = x.dim(-1);
  std::vector<float> direction(dim);
  const std::vector<double>& value = cut.settings->value;
  if (cut.mean) {
    for (std::size_t i = 0; i < cut.mean->values.size(); ++i) direction[i % dim] += cut.mean->values[i];
  } else {
    const bool listed = !cut.channels.empty();
    require(value.size() == (listed ? cut.channels.size() : dim) || (listed && value.size() == 1),
            "{}: a direction of {} numbers for {} channels", cut.settings->where, value.size(), listed ? cut.channels.size() : dim);
    for (std::size_t i = 0; i < (listed ? cut.channels.size() : dim); ++i)
      direction[listed ? cut.channels[i] : i] = static_cast<float>(value[value.size() == 1 ? 0 : i]);
  }
  double norm = 0;
  for (const float d : direction) norm += static_cast<double>(d) * static_cast<double>(d);
  require(norm > 0, "{}: the direction to project out is zero", cut.settings->where);
  for (float& d : direction) d = static_cast<float>(static_cast<double>(d) / std::sqrt(norm));
  return project_out(graph, x, graph.constant("direction", {1, dim}, direction), cut.tokens);
}

Tensor cut_in(Graph& graph, const Tensor& x, const Cut& cut) {
  const std::string& action = cut.settings->action;
  if (cut.mean && action != "project_out") return set_means(graph, x, cut);
  if (action == "project_out") return project(graph, x, cut);
  static const std::map<std::string, EditKind> kinds = {
      {"zero", EditKind::zero}, {"scale", EditKind::scale}, {"set", EditKind::set}, {"clamp", EditKind::clamp}};
  const std::vector<float> value(cut.settings->value.begin(), cut.settings->value.end());
  return edit(graph, x,
              {.kind = kinds.at(action),
               .channels = cut.channels,
               .tokens = cut.tokens,
               .value = value.empty() ? std::vector<float>{0.0f} : value,
               .token_mask = mask_of(graph, x, cut)});
}

}  // namespace

bool needs_intact_model(const std::vector<InterventionSettings>& interventions) {
  return std::any_of(interventions.begin(), interventions.end(), [](const InterventionSettings& in) {
    const bool blocks = std::any_of(in.at.begin(), in.at.end(), [](const auto& at) { return at == "step_up" || at == "step_down"; });
    return blocks || in.channels.found == "spike" || in.tokens.found == "spike" || (in.action == "mean" && in.statistics.empty());
  });
}

std::vector<std::string> means_wanted(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                                      const IntactModel& intact) {
  const Resolver resolver{config, intact, 0, 0};
  std::set<std::string> names;
  for (const InterventionSettings& in : interventions)
    if (in.action == "mean" && in.statistics.empty())
      for (const std::string& name : resolver.hook_points(in)) names.insert(name);
  return {names.begin(), names.end()};
}

IntactModel presumed_model(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config, std::uint32_t tokens,
                           const std::function<bool(const std::string&, const std::string&)>& records) {
  IntactModel model;
  model.spike.channels = {0};
  model.step_up_blocks = {1};
  model.step_down_blocks = {config.blocks()};
  const Resolver resolver{config, model, 0, 0};
  std::map<std::string, MeansProbe::Mean> means;
  for (const InterventionSettings& in : interventions) {
    const bool elsewhere = in.statistics.starts_with("@");
    if (elsewhere) model.recorded[in.statistics];
    else if (!in.statistics.empty() || in.action != "mean") continue;
    for (const std::string& hook : resolver.hook_points(in)) {
      if (elsewhere && !records(in.statistics, hook)) continue;
      const std::uint32_t channels = resolver.channels_at(hook);
      auto& all = elsewhere ? model.recorded[in.statistics] : means;
      all[hook] = {tokens, channels, std::vector<float>(std::size_t{tokens} * channels, 1.0f)};
      all[hook + ".largest"] = {1, channels, std::vector<float>(channels, 1.0f)};
    }
  }
  model.means = std::move(means);
  return model;
}

AppliedInterventions apply(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                           const IntactModel& intact, std::uint32_t rows, std::uint32_t tokens) {
  Resolver resolver{config, intact, rows, tokens};
  AppliedInterventions applied;
  std::map<std::string, std::vector<Cut>> cuts;
  std::set<int> skipped;
  std::map<std::string, std::int32_t> masked;
  std::map<std::string, std::string> norms;
  // The hooks outlive this call and the settings they came from.
  const auto kept = std::make_shared<const std::vector<InterventionSettings>>(interventions);
  const auto means = std::make_shared<std::vector<std::shared_ptr<const MeansProbe::Mean>>>();
  for (const InterventionSettings& in : *kept) {
    std::uint64_t changed = 0;
    for (const std::string& hook : resolver.hook_points(in)) {
      const std::uint64_t whole = std::uint64_t{rows} * tokens * resolver.channels_at(hook);
      if (in.action == "skip") {
        require(hook.starts_with("block."), "{}: do = \"skip\" leaves out blocks, {} is none", in.where, hook);
        skipped.insert(std::stoi(hook.substr(6)));
        changed += whole;
      } else if (in.action == "mask_key") {
        require(hook.ends_with(".probs"), "{}: do = \"mask_key\" acts on attention weights (\"layer.3.attn.probs\"), not on {}", in.where,
                hook);
        const auto keys = resolver.positions(in);
        require(keys.size() == 1, "{}: expected one key to mask, found {}", in.where, keys.size());
        masked[hook.substr(0, hook.size() - 6)] = static_cast<std::int32_t>(keys[0]);
        changed += std::uint64_t{rows} * static_cast<std::uint64_t>(config.n_heads) * (tokens - keys[0] - 1);
      } else if (in.action == "norm") {
        require(hook.ends_with("_norm"), "{}: do = \"norm\" acts where a norm is (\"layer.3.attn_norm\", \"final_norm\"), not on {}",
                in.where, hook);
        Norms::find("norm", in.name);
        norms[hook] = in.name;
        changed += whole;
      } else {
        require(!hook.ends_with(".probs"), "{}: attention weights can only be masked (do = \"mask_key\")", in.where);
        Cut cut{&in, resolver.channels(in, hook), resolver.positions(in), nullptr};
        if (const MeansProbe::Mean* mean = resolver.mean(in, hook)) {
          means->push_back(std::make_shared<const MeansProbe::Mean>(*mean));
          cut.mean = means->back().get();
        }
        const std::uint64_t per_token = count_edited({1, 1, resolver.channels_at(hook)}, {.channels = cut.channels});
        changed += in.tokens.found == "largest"
                       ? rows * per_token
                       : count_edited({rows, tokens, resolver.channels_at(hook)}, {.channels = cut.channels, .tokens = cut.tokens});
        cuts[hook].push_back(std::move(cut));
      }
    }
    require(changed > 0, "{}: this intervention changes nothing", in.where);
    applied.elements += changed;
  }
  if (!cuts.empty()) {
    applied.hooks.at = [cuts, kept, means](Graph& graph, const std::string& name, const Tensor& x) {
      Tensor y = x;
      if (const auto found = cuts.find(name); found != cuts.end())
        for (const Cut& cut : found->second) y = cut_in(graph, y, cut);
      return y;
    };
  }
  if (!skipped.empty()) applied.hooks.skip_block = [skipped](int block) { return skipped.contains(block); };
  if (!masked.empty())
    applied.hooks.masked_key = [masked](const std::string& name) {
      const auto found = masked.find(name);
      return found == masked.end() ? -1 : found->second;
    };
  if (!norms.empty())
    applied.hooks.norm_kind = [norms](const std::string& name, const std::string& kind) {
      const auto found = norms.find(name);
      return found == norms.end() ? kind : found->second;
    };
  return applied;
}

}  // namespace ablate
