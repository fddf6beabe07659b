#include "model/architectures/config_file.h"

#include "base/error.h"
#include "model/huggingface_keys.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ablate {
namespace {

/// Keys of any class that say that something is not done, as long as they have this value.
constexpr std::pair<std::string_view, bool> switches[] = {{"is_encoder_decoder", false},
                                                          {"add_cross_attention", false},
                                                          {"tie_encoder_decoder", false},
                                                          {"use_mrope", false},
                                                          {"rope_interleaved", false},
                                                          {"use_return_dict", true},
                                                          {"mlp_bias", false}};

}  // namespace

ConfigFile::ConfigFile(Settings json, std::string where, std::vector<std::string> nulls, std::vector<std::string>& notes)
    : json_(std::move(json)), where_(std::move(where)), nulls_(std::move(nulls)), notes_(notes) {}

bool ConfigFile::has(std::string_view key) { return asked(key).has(key); }

bool ConfigFile::is_null(std::string_view key) const { return std::find(nulls_.begin(), nulls_.end(), key) != nulls_.end(); }

Settings& ConfigFile::asked(std::string_view key) {
  asked_.emplace(key);
  return json_;
}

int ConfigFile::counted(std::string_view key, int value, int most) const {
  require(value >= 1 && value <= most, "{}: expected 1 to {}, found {}", where(key), most, value);
  return value;
}

int ConfigFile::count(std::string_view key, int most) { return counted(key, get<int>(key), most); }
int ConfigFile::count_or(std::string_view key, int fallback, int most) { return counted(key, get<int>(key, fallback), most); }

int ConfigFile::size(std::string_view key, int usual, int most) {
  return is_part && usual > 0 ? counted(key, get_or_note(key, usual), most) : count(key, most);
}

std::string ConfigFile::choice(std::string_view key, const std::vector<std::string>& names) {
  const std::string found = get(key, names[0].c_str());
  require(std::find(names.begin(), names.end(), found) != names.end(), "{}: expected {}, found \"{}\"", where(key),
          fmt::join(names, " or "), found);
  return found;
}

std::optional<int> ConfigFile::bos(int vocab_size) {
  const Value* value = raw("bos_token_id");
  const auto* id = value ? value->as<std::int64_t>() : nullptr;
  return id && *id >= 0 && *id < vocab_size ? std::optional(static_cast<int>(*id)) : std::nullopt;
}

void ConfigFile::settle() {
  for (const char* key : {"quantization_config", "compression_config"})
    if (const Value* value = asked_.contains(key) ? nullptr : raw(key); value && !is_off(*value))
      bad_input("{}: quantized weights are not supported; take the model before it was quantized", where(key));
  for (const auto& [key, value] : switches)
    if (has(key)) require(json_.get<bool>(key, value) == value, "{}: {} is not supported", where(key), !value);
  const std::vector<std::string_view> read(asked_.begin(), asked_.end());
  settle_other_keys(json_, where_, class_name, read, notes_);
  json_.reject_unused();
}

}  // namespace ablate
