#include "model/architectures/rope_keys.h"

#include "base/error.h"
#include "model/config_fields.h"

#include <cmath>
#include <optional>

namespace ablate {
namespace {

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

/// Reads tables of one file, each of which may say a base, a scaling and a share.
class Reader {
 public:
  Reader(ConfigFile& file, const TransformerConfig& config, const RopeKeys& keys) : file_(file), config_(config), keys_(keys) {}

  void take(Settings table) {
    for (const std::string_view key : {std::string_view("rope_theta"), keys_.theta_key})
      if (table.has(key)) thetas_.push_back({table.get<double>(key), table.where(key)});
    for (const std::string_view key : {std::string_view("partial_rotary_factor"), keys_.share_key}) {
      if (!table.has(key)) continue;
      const double share = table.get<double>(key);
      require(keys_.partial || share == 1.0, "{}: rotating only a part of each head ({}) is not supported", table.where(key), share);
      shares_.push_back({share, table.where(key)});
    }
  }

  void take_scaling(Settings table, const std::string& where) {
    take(table);
    for (const std::string_view key : keys_.surplus) table.raw(key);
    if (const auto scaling = scaling_of(table)) scalings_.push_back({*scaling, where});
    else require(!table.has("factor"), "{}: which kind of scaling has this factor? give rope_type", table.where("factor"));
  }

  static std::string number(double value) { return fmt::format("{}", value); }
  std::optional<double> theta() const { return agreed(thetas_, number); }
  std::optional<double> share() const { return agreed(shares_, number); }
  RopeScaling scaling() const { return agreed(scalings_, text_of).value_or(RopeScaling{}); }

 private:
  /// The kind of scaling: `rope_type`, which was `type` once; some files have both. "" if there is neither.
  std::string kind_of(Settings& rope) const {
    std::vector<Said<std::string>> all;
    for (const char* key : {"rope_type", "type"})
      if (rope.has(key)) all.push_back({rope.get<std::string>(key), rope.where(key)});
    std::string kind = agreed(all, [](const auto& name) { return fmt::format("\"{}\"", name); }).value_or("");
    if (keys_.always_longrope && (kind == "su" || kind == "yarn")) kind = "longrope";
    const auto& known = names_of<RopeScalingKind>;
    require(kind.empty() || kind == "default" || (kind != "none" && std::find(known.begin(), known.end(), kind) != known.end()),
            "{}: expected default, linear, dynamic, llama3, yarn or longrope, found \"{}\"", all.empty() ? "" : all[0].where, kind);
    return kind;
  }

  /// Of a table that says which kind; nothing of one that doesn't.
  std::optional<RopeScaling> scaling_of(Settings& rope) {
    const std::string kind = kind_of(rope);
    if (kind.empty()) return std::nullopt;
    RopeScaling s;
    if (kind == "default") {
      rope.raw("original_max_position_embeddings");
      if (const double factor = rope.get<double>("factor", 1.0); factor != 1.0)
        file_.notes().push_back(fmt::format("{}: {} is not used, as the kind is \"default\"", rope.where("factor"), factor));
      return s;
    }
    const auto& known = names_of<RopeScalingKind>;
    s.kind = static_cast<RopeScalingKind>(std::find(known.begin(), known.end(), kind) - known.begin());
    if (s.kind == RopeScalingKind::longrope) return longrope(rope, s), s;
    s.factor = rope.get<double>("factor");
    if (s.kind == RopeScalingKind::linear)
      rope.get<int>("original_max_position_embeddings", 0);  // information only: it has no context to know
    if (s.kind == RopeScalingKind::dynamic) {
      rope.raw("original_max_position_embeddings");
      s.original_max_position_embeddings = config_.max_seq_len;
    }
    if (s.kind == RopeScalingKind::yarn) yarn(rope, s);
    if (s.kind == RopeScalingKind::llama3) {
      s.low_freq_factor = rope.get<double>("low_freq_factor");
      s.high_freq_factor = rope.get<double>("high_freq_factor");
      s.original_max_position_embeddings = rope.get<int>("original_max_position_embeddings");
    }
    return s;
  }

  static double yarn_magnitude(double factor, double scale) { return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0; }

  void yarn(Settings& rope, RopeScaling& s) const {
    s.original_max_position_embeddings = rope.get<int>("original_max_position_embeddings", config_.max_seq_len);
    s.beta_fast = rope.get<double>("beta_fast", s.beta_fast), s.beta_slow = rope.get<double>("beta_slow", s.beta_slow);
    s.truncate = rope.get<bool>("truncate", true);
    const double scale = rope.get<double>("mscale", 0.0), all = rope.get<double>("mscale_all_dim", 0.0);
    const double usual =
        scale != 0 && all != 0 ? yarn_magnitude(s.factor, scale) / yarn_magnitude(s.factor, all) : yarn_magnitude(s.factor, 1);
    s.attention_factor = rope.get<double>("attention_factor", usual);
  }

  // The original context stands beside the table in some files; its ratio to the longest then is the factor.
  void longrope(Settings& rope, RopeScaling& s) const {
    s.short_factor = rope.get<std::vector<double>>("short_factor");
    s.long_factor = rope.get<std::vector<double>>("long_factor");
    const bool beside = file_.has("original_max_position_embeddings");
    s.original_max_position_embeddings = rope.get<int>("original_max_position_embeddings",
                                                       beside ? file_.get<int>("original_max_position_embeddings") : config_.max_seq_len);
    require(s.original_max_position_embeddings > 1, "{}: expected more than 1", rope.where("original_max_position_embeddings"));
    const double ratio = static_cast<double>(config_.max_seq_len) / s.original_max_position_embeddings;
    const double factor = rope.get<double>("factor", ratio), taken = beside ? ratio : factor;
    const double usual = taken <= 1 ? 1.0 : std::sqrt(1 + std::log(taken) / std::log(s.original_max_position_embeddings));
    s.attention_factor = rope.get<double>("attention_factor", usual);
  }

  ConfigFile& file_;
  const TransformerConfig& config_;
  const RopeKeys& keys_;
  std::vector<Said<double>> thetas_{}, shares_{};
  std::vector<Said<RopeScaling>> scalings_{};
};

/// rope_parameters with a table for each type of layer.
void read_by_layer_type(ConfigFile& file, TransformerConfig& config, const RopeKeys& keys) {
  Settings tables = file.json().table("rope_parameters");
  std::vector<double> thetas;
  std::vector<RopeScaling> scalings;
  std::vector<std::pair<double, RopeScaling>> of_type;
  for (const char* type : {"full_attention", "sliding_attention"}) {
    Reader reader(file, config, keys);
    if (tables.has(type)) reader.take_scaling(tables.table(type), tables.where(type));
    of_type.emplace_back(reader.theta().value_or(keys.default_theta), reader.scaling());
  }
  for (const bool slides : keys.sliding_layers) {
    thetas.push_back(of_type[slides].first);
    scalings.push_back(of_type[slides].second);
  }
  config.rope_theta = PerLayer<double>::list(thetas);
  config.rope_scaling = PerLayer<RopeScaling>::list(scalings);
}

}  // namespace

void read_rope(ConfigFile& file, TransformerConfig& config, const RopeKeys& keys) {
  for (const std::string_view key : {std::string_view("rope_theta"), std::string_view("partial_rotary_factor"),
                                     std::string_view("rope_scaling"), std::string_view("rope_parameters"), keys.theta_key, keys.share_key})
    file.asked(key);
  const Value* parameters = file.json().has("rope_parameters") ? file.json().raw("rope_parameters") : nullptr;
  const bool by_type = parameters && (find(*parameters, "full_attention") || find(*parameters, "sliding_attention"));
  if (by_type && !keys.sliding_layers.empty()) return read_by_layer_type(file, config, keys);

  Reader reader(file, config, keys);
  reader.take(file.json());
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (file.has(key)) reader.take_scaling(file.json().table(key), file.where(key));
  if (!reader.theta())
    file.notes().push_back(fmt::format("{}: no rope_theta is given: {}, Transformers' default, is taken", file.name(), keys.default_theta));
  config.rope_theta = reader.theta().value_or(keys.default_theta);
  if (keys.partial) config.rotary_share = reader.share().value_or(keys.default_share);
  config.rope_scaling = reader.scaling();
}

nlohmann::ordered_json rope_scaling_json(const RopeScaling& s) {
  using Json = nlohmann::ordered_json;
  Json json{{"rope_type", name_of(s.kind)}, {"factor", s.factor}};
  switch (s.kind) {
    case RopeScalingKind::none: return nullptr;
    case RopeScalingKind::linear:
    case RopeScalingKind::dynamic: return json;
    case RopeScalingKind::llama3: json["low_freq_factor"] = s.low_freq_factor, json["high_freq_factor"] = s.high_freq_factor; break;
    case RopeScalingKind::yarn:
      json["beta_fast"] = s.beta_fast, json["beta_slow"] = s.beta_slow, json["truncate"] = s.truncate;
      json["attention_factor"] = s.attention_factor;
      break;
    case RopeScalingKind::longrope:
      json.erase("factor");
      json["short_factor"] = s.short_factor, json["long_factor"] = s.long_factor, json["attention_factor"] = s.attention_factor;
  }
  json["original_max_position_embeddings"] = s.original_max_position_embeddings;
  return json;
}

nlohmann::ordered_json rope_parameters_by_type(const TransformerConfig& config) {
  nlohmann::ordered_json tables;
  for (int layer = config.n_layers - 1; layer >= 0; --layer) {
    nlohmann::ordered_json table = rope_scaling_json(config.rope_scaling[layer]);
    if (table.is_null()) table = {{"rope_type", "default"}};
    table["rope_theta"] = config.rope_theta[layer];
    tables[config.sliding_window[layer] > 0 ? "sliding_attention" : "full_attention"] = table;
  }
  return tables;
}

}  // namespace ablate
