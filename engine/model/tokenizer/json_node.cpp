#include "model/tokenizer/json_node.h"

#include "base/error.h"
#include "base/json.h"
#include "model/tokenizer/unicode.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace ablate {

using nlohmann::json;

namespace {

std::string quoted(const std::string& text) {
  constexpr std::size_t longest = 60;
  const std::string shown = text.size() > longest ? text.substr(0, longest) + "..." : text;
  return json(shown).dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace

bool JsonNode::is_null() const { return value_->is_null(); }
bool JsonNode::is_string() const { return value_->is_string(); }
bool JsonNode::is_array() const { return value_->is_array(); }
bool JsonNode::is_object() const { return value_->is_object(); }

void JsonNode::refuse(std::string_view message) const { bad_input("{}: {}", where_, message); }

void JsonNode::refuse_name(std::string_view expected) const {
  refuse(fmt::format("{} is not supported; expected {}", quoted(string()), expected));
}

static std::string expected(const char* what, const json& found) { return fmt::format("expected {}, found {}", what, found.type_name()); }

const std::string& JsonNode::string() const {
  if (!value_->is_string()) refuse(expected("a string", *value_));
  return value_->get_ref<const std::string&>();
}

bool JsonNode::boolean() const {
  if (!value_->is_boolean()) refuse(expected("true or false", *value_));
  return value_->get<bool>();
}

std::int64_t JsonNode::integer(std::int64_t least, std::int64_t greatest) const {
  if (!value_->is_number_integer()) refuse(expected("an integer", *value_));
  const bool fits = !value_->is_number_unsigned() || value_->get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX);
  const std::int64_t number = fits ? value_->get<std::int64_t>() : INT64_MAX;
  if (number < least || number > greatest)
    refuse(fmt::format("expected an integer from {} to {}, found {}", least, greatest, value_->dump()));
  return number;
}

double JsonNode::number() const {
  if (!value_->is_number()) refuse(expected("a number", *value_));
  return value_->get<double>();
}

std::string JsonNode::character() const {
  const std::string& text = string();
  std::size_t at = 0;
  if (!text.empty()) next_code_point(text, at);
  if (at == 0 || at != text.size()) refuse(fmt::format("expected one character, found {}", quoted(text)));
  return text;
}

JsonNode JsonNode::at(std::string_view key) const {
  if (!value_->is_object()) refuse(expected("an object", *value_));
  const auto found = value_->find(key);
  if (found == value_->end()) refuse(fmt::format("the key \"{}\" is missing", key));
  return {&*found, fmt::format("{}{}{}", where_, root_ ? ": " : ".", key)};
}

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  if (!value_->is_object()) refuse(expected("an object", *value_));
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return at(key);
}

bool JsonNode::flag(std::string_view key, bool fallback) const {
  const auto node = find(key);
  return node ? node->boolean() : fallback;
}

std::size_t JsonNode::size() const {
  if (!value_->is_array()) refuse(expected("an array", *value_));
  return value_->size();
}

JsonNode JsonNode::element(std::size_t index) const { return {&(*value_)[index], fmt::format("{}[{}]", where_, index)}; }

std::vector<JsonNode> JsonNode::elements() const {
  std::vector<JsonNode> all;
  for (std::size_t i = 0; i < size(); ++i) all.push_back(element(i));
  return all;
}

void JsonNode::members(const std::function<void(const std::string&, const JsonNode&)>& visit) const {
  if (!value_->is_object()) refuse(expected("an object", *value_));
  for (const auto& [key, value] : value_->items()) visit(key, {&value, fmt::format("{}[{}]", where_, quoted(key))});
}

void JsonNode::allow_only(std::initializer_list<std::string_view> keys) const {
  if (!value_->is_object()) refuse(expected("an object", *value_));
  for (const auto& item : value_->items()) {
    if (std::find(keys.begin(), keys.end(), item.key()) == keys.end()) {
      refuse(fmt::format("the key {} is not supported; expected {}", quoted(item.key()), fmt::join(keys, ", ")));
    }
  }
}

void require_depth(const JsonNode& node, int depth) {
  constexpr int greatest = 16;
  if (depth > greatest) node.refuse(fmt::format("nested more than {} deep", greatest));
}

JsonDocument::JsonDocument(std::string_view text, std::string name)
    : value_(std::make_unique<json>(parse_json<json>(text, name))), name_(std::move(name)) {}

JsonDocument::~JsonDocument() = default;

JsonNode JsonDocument::root() const { return {value_.get(), name_, true}; }

}  // namespace ablate
