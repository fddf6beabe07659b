// A config.json being read: its keys, which of them were asked for, and what is to be said of it.
#pragma once

#include "base/settings.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

class ConfigFile {
 public:
  static constexpr int widest = 1 << 24, most_layers = 4096;  ///< as TransformerConfig::validate has them

  /// `nulls`: keys that are there without a value. `notes` gets a line for everything that is left out or taken without being said.
  ConfigFile(Settings json, std::string where, std::vector<std::string> nulls, std::vector<std::string>& notes);

  /// The class, once it is known; messages name it.
  std::string class_name;
  /// The text part of a model of several modalities: such tables leave out what is as their class has it.
  bool is_part = false;

  bool has(std::string_view key);
  bool is_null(std::string_view key) const;
  template <class T>
  T get(std::string_view key) {
    return asked(key).get<T>(key);
  }
  template <class T>
  T get(std::string_view key, T fallback) {
    return asked(key).get<T>(key, std::move(fallback));
  }
  std::string get(std::string_view key, const char* fallback) { return get<std::string>(key, fallback); }
  const Value* raw(std::string_view key) { return asked(key).raw(key); }
  /// Marks `key` as known and returns all keys.
  Settings& asked(std::string_view key);
  std::string where(std::string_view key) const { return json_.where(key); }
  const std::string& name() const { return where_; }
  Settings& json() { return json_; }
  std::vector<std::string>& notes() { return notes_; }

  /// 1 to `most`.
  int count(std::string_view key, int most = widest);
  int count_or(std::string_view key, int fallback, int most = widest);
  /// A size that a file of its own says. A text part need not: `usual`, its class's, is taken, and a note says so.
  int size(std::string_view key, int usual, int most = widest);
  /// `fallback` is what Transformers takes for a key that is not there: a note says so.
  template <class T>
  T get_or_note(std::string_view key, T fallback) {
    if (!has(key))
      notes_.push_back(fmt::format("{}: no {} is given: {}, Transformers' default for {}, is taken", where_, key, fallback, class_name));
    return get<T>(key, fallback);
  }
  /// Throws InputError unless the key is `value`, or absent where that is what an absent one means.
  template <class T>
  void expect(std::string_view key, T value) {
    const T found = get<T>(key, value);
    require(found == value, "{}: {} is not supported, only {}", where(key), found, value);
  }
  /// One of `names`; absent, the first of them.
  std::string choice(std::string_view key, const std::vector<std::string>& names);
  /// The id that starts a window; none where the file lists several, or one that is no token (why_no_bos).
  std::optional<int> bos(int vocab_size);

  /// Refuses what is left: quantized weights, and keys that may change the arithmetic.
  void settle();

 private:
  int counted(std::string_view key, int value, int most) const;

  Settings json_;
  std::string where_;
  std::vector<std::string> nulls_;
  std::vector<std::string>& notes_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace ablate
