#include "model/hooks.h"

#include "model/config.h"
#include "model/mixer.h"
#include "model/parameters.h"

#include <algorithm>

namespace ablate {
namespace {

struct Points {
  const TransformerConfig& config;
  std::vector<Hook> hooks{};

  bool is_gated(int layer) const {
    const std::vector<ParameterSpec> own = ffn_parameters(config, layer, "");
    return std::any_of(own.begin(), own.end(), [](const ParameterSpec& p) { return p.name.ends_with("gate_proj.weight"); });
  }
  void add(Site site, int index = 0, bool second = false) { hooks.push_back(make_hook(config, site, index, second)); }
  void add_attention(int layer, bool second) {
    if (!config.attends(layer)) {
      for (const MixerPoint& point : mixer_of(config, layer).points(config)) add(point.site, layer);
      return;
    }
    for (const Site site : {Site::q, Site::k, Site::v, Site::probs}) add(site, layer, second);
    if (config.gate != "none") add(Site::head_gate, layer, second);
    add(Site::heads_out, layer, second);
  }
  void add_feed_forward(int layer) {
    if (config.second_is_attention()) return add_attention(layer, true);
    if (config.ffn[layer] == "linear") return;
    if (config.is_mixture(layer)) add(Site::router, layer, true);
    if (is_gated(layer)) add(Site::ffn_gate, layer, true);
    add(Site::ffn_up, layer, true);
    add(Site::ffn_act, layer, true);
  }
};

std::string_view last_part(Site site) {
  switch (site) {
    case Site::q: return "q";
    case Site::k: return "k";
    case Site::v: return "v";
    case Site::probs: return "probs";
    case Site::decay: return "decay";
    case Site::beta: return "beta";
    case Site::head_gate:
    case Site::ffn_gate: return "gate";
    case Site::router: return "router";
    case Site::heads_out: return "out";
    case Site::ffn_up: return "up";
    case Site::ffn_act: return "act";
    default: return "";
  }
}

// What follows the last star met so far is tried at every place in turn: stars before it have taken as little as they can, and taking more
// would not help. At most pattern.size() * text.size() steps.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, after_star = pattern.npos, taken = 0;  // the star takes the text up to `taken`
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (after_star != pattern.npos) {
      p = after_star;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool is_linear(const ParameterSpec& spec) { return spec.kind == ParameterKind::linear || spec.kind == ParameterKind::residual_linear; }

void set_gate_shape(Hook& hook, const TransformerConfig& config) {
  hook.channels = static_cast<std::uint32_t>(gate_width(config));
  hook.heads = hook.channels == 1 && config.n_heads > 1 ? 0 : static_cast<std::uint32_t>(config.n_heads);
  hook.every_token = config.gate_input != GateInput::constant;
  hook.every_sequence = hook.every_token && config.gate_input != GateInput::position;
}

/// Whether it is a point of what a layer has in place of attention.
bool is_mixers(const TransformerConfig& config, Site site, int index, bool second) {
  constexpr Site sites[] = {Site::q, Site::k, Site::v, Site::decay, Site::beta, Site::head_gate, Site::heads_out};
  return !second && std::find(std::begin(sites), std::end(sites), site) != std::end(sites) && !config.attends(index);
}

void set_mixer_shape(Hook& hook, const TransformerConfig& config) {
  for (const MixerPoint& point : mixer_of(config, hook.index).points(config))
    if (point.site == hook.site) {
      hook.heads = static_cast<std::uint32_t>(point.heads);
      hook.channels = static_cast<std::uint32_t>(point.heads * point.channels);
    }
}

/// What layers without attention have no point of: "; layers 0, 1 have no attn.probs, their mixer is gated_deltanet".
std::string missing_of_mixers(const TransformerConfig& config) {
  std::string layers, kind;
  for (int layer = 0; layer < config.n_layers; ++layer)
    if (!config.attends(layer)) layers += fmt::format("{}{}", layers.empty() ? "" : ", ", layer), kind = config.mixer[layer];
  return layers.empty() ? "" : fmt::format("; layers {} have no attention weights, their mixer is {}", layers, kind);
}

}  // namespace

Hook make_hook(const TransformerConfig& config, Site site, int index, bool second) {
  const auto heads = static_cast<std::uint32_t>(config.n_heads), kv_heads = static_cast<std::uint32_t>(config.n_kv_heads),
             head_dim = static_cast<std::uint32_t>(config.head_dim);
  Hook hook{.site = site, .index = index, .second = second, .channels = static_cast<std::uint32_t>(config.d_model)};
  if (is_mixers(config, site, index, second)) return set_mixer_shape(hook, config), hook;
  switch (site) {
    case Site::decay:
    case Site::beta: break;
    case Site::q:
    case Site::heads_out: hook.heads = heads, hook.channels = heads * head_dim; break;
    case Site::k:
    case Site::v: hook.heads = kv_heads, hook.channels = kv_heads * head_dim; break;
    case Site::probs: hook.heads = heads, hook.channels = 0; break;
    case Site::head_gate: set_gate_shape(hook, config); break;
    case Site::ffn_gate:
    case Site::ffn_up:
    case Site::ffn_act:
      hook.channels = static_cast<std::uint32_t>(config.d_ffn[index] * (config.is_mixture(index) ? config.experts_per_token : 1));
      break;
    case Site::router: hook.channels = static_cast<std::uint32_t>(config.n_experts); break;
    case Site::logits: hook.channels = static_cast<std::uint32_t>(config.vocab_size); break;
    case Site::input_norm: hook.input_has_norm = second ? config.ffn_input_norm : config.attn_input_norm; break;
    case Site::final_norm: hook.input_has_norm = config.final_norm_kind() != "none"; break;
    case Site::residual:
    case Site::block: break;
  }
  return hook;
}

bool Hook::in_residual_channels() const {
  return site == Site::residual || site == Site::block || site == Site::input_norm || site == Site::final_norm;
}

std::string Hook::name() const {
  const char* part = second ? "ffn" : "attn";
  switch (site) {
    case Site::residual: return fmt::format("residual.{}", index);
    case Site::block: return fmt::format("block.{}", index);
    case Site::input_norm: return fmt::format("layer.{}.{}_norm", index, part);
    case Site::final_norm: return "final_norm";
    case Site::logits: return "logits";
    default: return fmt::format("layer.{}.{}.{}", index, part, last_part(site));
  }
}

std::string Hook::shape_text() const {
  if (site == Site::probs) return fmt::format("(B, {}, T, keys)", heads);
  return fmt::format("({}, {}, {})", every_sequence ? "B" : "1", every_token ? "T" : "1", channels);
}

std::vector<Hook> hook_points(const TransformerConfig& config) {
  Points points{config};
  points.add(Site::residual, 0);
  int block = 0;
  const auto add_block = [&] {
    points.add(Site::block, ++block);
    if (block % config.blocks_per_state() == 0) points.add(Site::residual, block / config.blocks_per_state());
  };
  for (int layer = 0; layer < config.n_layers; ++layer) {
    points.add(Site::input_norm, layer, false);
    points.add_attention(layer, false);
    add_block();
    if (!config.has_ffn()) continue;
    points.add(Site::input_norm, layer, true);
    points.add_feed_forward(layer);
    add_block();
  }
  points.add(Site::final_norm);
  points.add(Site::logits);
  return points.hooks;
}

bool hook_matches(std::string_view pattern, const Hook& hook) {
  if (pattern == "linear_inputs") return hook.site == Site::input_norm || hook.site == Site::heads_out || hook.site == Site::ffn_act;
  return hook_matches(pattern, hook.name());
}

bool hook_matches(std::string_view pattern, std::string_view name) {
  return glob(pattern, name) || glob("layer.*." + std::string(pattern), name);
}

std::vector<Hook> matching_hooks(const TransformerConfig& config, const std::string& pattern, const std::string& where) {
  std::vector<Hook> matched;
  const std::vector<Hook> all = hook_points(config);
  for (const Hook& hook : all)
    if (hook_matches(pattern, hook)) matched.push_back(hook);
  require(
      !matched.empty(),
      "{}: there is no hook point \"{}\"; this model has residual.0 .. residual.{}, block.1 .. block.{}, layer.0 .. layer.{} (\"{}\" and the "
      "like), logits; `ablate hooks FILE.toml` lists them{}",
      where, pattern, config.states() - 1, config.blocks(), config.n_layers - 1, all[1].name(), missing_of_mixers(config));
  return matched;
}

std::vector<ParameterSpec> weight_points(const TransformerConfig& config) {
  std::vector<ParameterSpec> weights = parameters(config);
  std::erase_if(weights, [](const ParameterSpec& spec) {
    return spec.kind != ParameterKind::embedding && spec.kind != ParameterKind::head && !is_linear(spec);
  });
  return weights;
}

std::vector<ParameterSpec> matching_weights(const TransformerConfig& config, const std::string& pattern, const std::string& where) {
  std::vector<ParameterSpec> matched = weight_points(config);
  const std::string example = matched.at(1).name;
  std::erase_if(matched, [&](const ParameterSpec& spec) {
    return pattern == "linear_weights" ? !is_linear(spec) || !spec.name.starts_with("model.layers.") : !glob(pattern, spec.name);
  });
  require(!matched.empty(), "{}: there is no weight matrix \"{}\"; this model has \"{}\" and the like: `ablate hooks FILE.toml` lists them",
          where, pattern, example);
  return matched;
}

std::vector<Hook> matching_tensors(const TransformerConfig& config, const std::string& pattern, const std::string& where) {
  const std::vector<Hook> matched = matching_hooks(config, pattern, where);
  for (const Hook& hook : matched)
    require(hook.site != Site::probs,
            "{}: \"{}\" names {}: attention weights are never stored, so there are no statistics of them; probe.dump writes them", where,
            pattern, hook.name());
  return matched;
}

}  // namespace ablate
