// A `[model]` table becomes a TransformerConfig.
#include "base/error.h"
#include "base/settings.h"
#include "model/config.h"
#include "model/config_fields.h"

#include <algorithm>
#include <type_traits>

namespace ablate {
namespace {

/// Reads each key of a table into the member it belongs to; the member's value is the default.
struct Reader {
  Settings& table;

  template <class T>
  void operator()(const Key& key, T& member) {
    if constexpr (std::is_enum_v<T>) {
      const auto& names = names_of<T>;
      const std::string name = table.choice(key, std::string(name_of(member)), {names.begin(), names.end()});
      member = static_cast<T>(std::find(names.begin(), names.end(), name) - names.begin());
    } else {
      member = table.get<T>(key, member);
    }
  }

  template <class T>
  void operator()(const Key& key, PerLayer<T>& member) {
    const Value* value = table.has(key) ? table.raw(key) : nullptr;
    const auto* list = value ? value->as<Value::Array>() : nullptr;
    require(!list || !list->empty(), "{}: the list is empty: expected one value a layer, or one for all", table.where(key));
    if (list) member = PerLayer<T>::list(table.get<std::vector<T>>(key));
    else if (value || member.is_one()) member = table.get<T>(key, member[0]);
  }

  void operator()(const Key& key, std::optional<int>& member) {
    if (table.has(key)) member = table.get<int>(key);
  }

  void operator()(const Key& key, std::optional<std::array<int, 2>>& member) {
    if (!table.has(key)) return;
    const auto ends = table.get<std::vector<int>>(key);
    require(ends.empty() || ends.size() == 2, "{}: expected [first, end), two positions, or [] for all, found {} numbers", table.where(key),
            ends.size());
    if (ends.empty()) member.reset();
    else member = std::array{ends[0], ends[1]};
  }
};

/// Three matrices of two thirds the width, rather than two.
bool is_gated(const std::string& ffn) {
  return ffn == "swiglu" || ffn == "geglu" || ffn == "geglu_tanh" || ffn == "reglu" || ffn.starts_with("experts");
}

int default_ffn_width(int d_model, const std::string& ffn) {
  const std::int64_t gated = (std::int64_t{8} * d_model + 3 * 16 - 1) / (3 * 16) * 16;
  const bool two_matrices = !is_gated(ffn) && ffn != "linear" && ffn != "attention" && ffn != "none";
  return static_cast<int>(two_matrices ? gated / 2 * 3 : gated);
}

PerLayer<int> default_ffn_widths(int d_model, const PerLayer<std::string>& ffn) {
  std::vector<int> widths;
  for (const std::string& kind : ffn.values()) widths.push_back(default_ffn_width(d_model, kind));
  return PerLayer<int>::list(widths);
}

/// As attention has them, and a convolution over four tokens, as in published models.
void set_linear_heads(TransformerConfig& c) {
  c.linear_key_heads = c.linear_value_heads = c.n_heads;
  c.linear_key_dim = c.linear_value_dim = c.head_dim;
  c.linear_taps = 4;
}

/// One table, or a list of them, one a layer.
PerLayer<RopeScaling> read_rope_scaling(Settings& model) {
  const auto read = [](Settings table) {
    RopeScaling scaling;
    visit_rope_scaling(scaling, Reader{table});
    return scaling;
  };
  if (!model.raw("rope_scaling")->as<Value::Array>()) return read(model.table("rope_scaling"));
  std::vector<RopeScaling> each;
  for (const Settings& table : model.tables("rope_scaling")) each.push_back(read(table));
  return PerLayer<RopeScaling>::list(std::move(each));
}

}  // namespace

TransformerConfig TransformerConfig::from(Settings& model) {
  TransformerConfig c;
  Reader read{model};
  read("d_model", c.d_model);
  read("n_heads", c.n_heads);
  read("ffn", c.ffn);
  c.n_kv_heads = c.n_heads;
  if (!model.has("head_dim")) {
    require(c.n_heads > 0 && c.d_model % c.n_heads == 0, "{}: {} channels do not divide into {} heads; give head_dim",
            model.where("d_model"), c.d_model, c.n_heads);
    c.head_dim = c.d_model / c.n_heads;
  }
  if (model.has("d_model")) c.d_ffn = default_ffn_widths(c.d_model, c.ffn);
  read("mixer", c.mixer);
  read("head_dim", c.head_dim);
  if (c.has_other_mixers()) set_linear_heads(c);
  visit_fields(c, read);
  if (model.has("rope_scaling")) c.rope_scaling = read_rope_scaling(model);
  c.validate([&](std::string_view key) { return model.where(key); });
  return c;
}

}  // namespace ablate
