#include "experiment/run/window.h"

#include "base/error.h"

namespace ablate {
namespace {

/// "file.toml:12: model.max_seq_len"
std::string place(const Value& table, const std::string& key) {
  for (std::string part = key; !part.empty(); part.resize(part.find('.') == part.npos ? 0 : part.rfind('.')))
    if (const Value* value = find(table, part)) return value->where + ": " + key;
  return table.where + ": " + key;
}

void check_positions(const Value& table, const TransformerConfig& config, std::int64_t tokens, const std::string& length) {
  const bool learned = config.position == Position::learned, gated = config.gate != "none" && config.gate_input == GateInput::position;
  require((!learned && !gated) || tokens <= config.max_seq_len,
          "{}: a model with learned {} has {} of them, sequences have {} tokens ({}): raise max_seq_len", place(table, "model.max_seq_len"),
          learned ? "positions" : "gates for positions", config.max_seq_len, tokens, length);
}

void check_data(const Value& table, std::int64_t tokens, const std::string& length) {
  for (const char* key : {"data.random_first", "data.fixed_position"}) {
    const Value* value = find(table, key);
    const auto* count = value ? value->as<std::int64_t>() : nullptr;
    require(!count || *count <= tokens, "{}: {}: expected at most the {} tokens of a sequence ({}), found {}", value ? value->where : "",
            key, tokens, length, count ? *count : 0);
  }
}

}  // namespace

void check_window(const Value& table, const TransformerConfig& config, std::int64_t tokens, const std::string& length, bool trained) {
  check_positions(table, config, tokens, length);
  check_data(table, tokens, length);
  if (!trained || !config.loss_positions) return;
  const auto [first, end] = *config.loss_positions;
  require(end <= tokens, "{}: expected [a, b] with 0 <= a < b <= {} ({}): loss on output positions a .. b-1; found [{}, {}]",
          place(table, "model.loss_positions"), length, tokens, first, end);
}

}  // namespace ablate
