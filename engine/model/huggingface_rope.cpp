#include "model/huggingface_rope.h"

#include "base/error.h"
#include "model/config_fields.h"

#include <fmt/format.h>

#include <optional>

namespace ablate {
namespace {

constexpr double default_theta = 10000.0;  // of all four classes

/// What one place says, and where.
template <class T>
struct Said {
  T value;
  std::string where;
};

/// All that was said about one thing must be the same; nothing if nothing was.
template <class T>
std::optional<T> agreed(const std::vector<Said<T>>& all, const auto& text) {
  for (const Said<T>& said : all)
    require(said.value == all[0].value, "{} says {} and {} says {}: versions of Transformers differ in which they take; keep the right one",
            all[0].where, text(all[0].value), said.where, text(said.value));
  return all.empty() ? std::nullopt : std::optional(all[0].value);
}

std::string text_of(const RopeScaling& s) {
  if (s.kind == RopeScalingKind::none) return "no scaling";
  std::string text = fmt::format("{} by {}", name_of(s.kind), s.factor);
  if (s.kind == RopeScalingKind::llama3)
    text += fmt::format(" ({}, {}, {})", s.low_freq_factor, s.high_freq_factor, s.original_max_position_embeddings);
  return text;
}

void refuse_partial(Settings& table) {
  const double partial = table.get<double>("partial_rotary_factor", 1.0);
  require(partial == 1.0, "{}: rotating only a part of each head ({}) is not supported", table.where("partial_rotary_factor"), partial);
}

/// The kind of scaling: `rope_type`, which was `type` once; some files have both. "" if there is neither.
std::string kind_of(Settings& rope) {
  std::vector<Said<std::string>> all;
  for (const char* key : {"rope_type", "type"})
    if (rope.has(key)) all.push_back({rope.get<std::string>(key), rope.where(key)});
  const std::string kind = agreed(all, [](const auto& name) { return fmt::format("\"{}\"", name); }).value_or("");
  require(kind.empty() || kind == "default" || kind == "linear" || kind == "llama3", "{}: expected default, linear or llama3, found \"{}\"",
          all.empty() ? "" : all[0].where, kind);
  return kind;
}

/// Of a table that says which kind; nothing of one that doesn't.
std::optional<RopeScaling> scaling_of(Settings& rope, std::vector<std::string>& notes) {
  const std::string kind = kind_of(rope);
  if (kind.empty()) return std::nullopt;
  RopeScaling s;
  if (kind == "default") {
    if (const double factor = rope.get<double>("factor", 1.0); factor != 1.0)
      notes.push_back(fmt::format("{}: {} is not used, as the kind is \"default\"", rope.where("factor"), factor));
    return s;
  }
  s.factor = rope.get<double>("factor");
  s.kind = kind == "linear" ? RopeScalingKind::linear : RopeScalingKind::llama3;
  if (kind == "linear") rope.get<int>("original_max_position_embeddings", 0);  // information only: linear scaling has no context to know
  else {
    s.low_freq_factor = rope.get<double>("low_freq_factor");
    s.high_freq_factor = rope.get<double>("high_freq_factor");
    s.original_max_position_embeddings = rope.get<int>("original_max_position_embeddings");
  }
  return s;
}

}  // namespace

void read_huggingface_rope(Settings& json, std::string_view file, TransformerConfig& config, std::vector<std::string>& notes) {
  std::vector<Said<double>> thetas;
  std::vector<Said<RopeScaling>> scalings;
  const auto take_theta = [&](Settings& table) {
    if (table.has("rope_theta")) thetas.push_back({table.get<double>("rope_theta"), table.where("rope_theta")});
  };
  take_theta(json);
  refuse_partial(json);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!json.has(key)) continue;
    Settings rope = json.table(key);
    take_theta(rope);
    refuse_partial(rope);
    if (const auto scaling = scaling_of(rope, notes)) scalings.push_back({*scaling, json.where(key)});
    else require(!rope.has("factor"), "{}: which kind of scaling has this factor? give rope_type", rope.where("factor"));
  }
  const auto theta = agreed(thetas, [](double value) { return fmt::format("{}", value); });
  if (!theta) notes.push_back(fmt::format("{}: no rope_theta is given: {}, Transformers' default, is taken", file, default_theta));
  config.rope_theta = theta.value_or(default_theta);
  config.rope_scaling = agreed(scalings, text_of).value_or(RopeScaling{});
}

}  // namespace ablate
