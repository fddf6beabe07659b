// A value of a JSON document that knows where it stands, for messages like "tokenizer.json: model.merges[3]: expected a string".
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Refers into a JsonDocument, which must outlive it. Every reader throws InputError naming the file and the key.
class JsonNode {
 public:
  JsonNode(const nlohmann::json* value, std::string where, bool root = false) : value_(value), where_(std::move(where)), root_(root) {}

  bool is_null() const;
  bool is_string() const;
  bool is_array() const;
  bool is_object() const;

  const std::string& string() const;
  bool boolean() const;
  std::int64_t integer(std::int64_t least, std::int64_t greatest) const;
  double number() const;

  /// The one code point of a string that is exactly one character, as UTF-8.
  std::string character() const;

  /// A member of an object; at() demands it, find() gives nothing where it is absent or null.
  JsonNode at(std::string_view key) const;
  std::optional<JsonNode> find(std::string_view key) const;
  bool flag(std::string_view key, bool fallback) const;

  /// Elements of an array.
  std::size_t size() const;
  JsonNode element(std::size_t index) const;
  std::vector<JsonNode> elements() const;

  /// Calls `visit` for every member of an object.
  void members(const std::function<void(const std::string&, const JsonNode&)>& visit) const;

  /// Refuses every member whose key is not listed.
  void allow_only(std::initializer_list<std::string_view> keys) const;

  /// Throws InputError: this place, then `message`.
  [[noreturn]] void refuse(std::string_view message) const;
  /// The same, naming this node's own string: `tokenizer.json: model.type: "WordPiece" is not supported; expected BPE`.
  [[noreturn]] void refuse_name(std::string_view expected) const;

  /// "tokenizer.json: model.merges[3]"
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json* value_;
  std::string where_;
  bool root_;
};

/// Throws InputError when a component holds itself, and that one itself, too often: such a file was not meant to be read.
void require_depth(const JsonNode& node, int depth);

class JsonDocument {
 public:
  /// Throws InputError naming `name` and the place of the first error.
  JsonDocument(std::string_view text, std::string name);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  JsonNode root() const;

 private:
  std::unique_ptr<nlohmann::json> value_;
  std::string name_;
};

}  // namespace ablate
