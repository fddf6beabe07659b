#include "base/value.h"

#include "base/error.h"

#include <algorithm>
#include <tuple>

namespace ablate {
namespace {

bool same_table(const Value::Table& a, const Value::Table& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); });
}

std::string nested_text(const Value& value) {
  const std::string* text = value.as<std::string>();
  return text ? '"' + *text + '"' : to_text(value);
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

bool same(const Value& a, const Value& b) {
  if (a.data.index() != b.data.index()) return false;
  if (const auto* table = a.as<Value::Table>()) return same_table(*table, *b.as<Value::Table>());
  if (const auto* array = a.as<Value::Array>()) {
    const auto& other = *b.as<Value::Array>();
    return std::equal(array->begin(), array->end(), other.begin(), other.end(), same);
  }
  if (const auto* number = a.as<double>()) return *number == *b.as<double>();
  if (const auto* integer = a.as<std::int64_t>()) return *integer == *b.as<std::int64_t>();
  if (const auto* text = a.as<std::string>()) return *text == *b.as<std::string>();
  if (const auto* flag = a.as<bool>()) return *flag == *b.as<bool>();
  return true;
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view names[] = {"nothing", "true or false", "an integer", "a number", "a string", "an array", "a table"};
  return names[value.data.index()];
}

std::string to_text(const Value& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
  if (const auto* integer = value.as<std::int64_t>()) return std::to_string(*integer);
  if (const auto* number = value.as<double>()) return fmt::format("{}", *number);
  std::string text;
  if (const auto* array = value.as<Value::Array>()) {
    for (const Value& item : *array) text += (text.empty() ? "" : ", ") + nested_text(item);
    return "[" + text + "]";
  }
  if (const auto* table = value.as<Value::Table>()) {
    for (const auto& [key, item] : *table) text += (text.empty() ? "" : ", ") + key + " = " + nested_text(item);
    return "{" + text + "}";
  }
  return text;
}

const Value* find(const Value& table, std::string_view dotted) {
  const auto* keys = table.as<Value::Table>();
  if (!keys) return nullptr;
  const std::size_t dot = dotted.find('.');
  const auto at = keys->find(dotted.substr(0, dot));
  if (at == keys->end()) return nullptr;
  return dot == dotted.npos ? &at->second : find(at->second, dotted.substr(dot + 1));
}

void assign(Value& table, std::string_view dotted, Value value) {
  auto* keys = table.as<Value::Table>();
  require(keys, "{}: \"{}\" needs a table here, but this key holds {}", value.where, dotted, type_name(table));
  const std::size_t dot = dotted.find('.');
  const std::string key(dotted.substr(0, dot));
  if (dot == dotted.npos) {
    keys->insert_or_assign(key, std::move(value));
    return;
  }
  const auto [at, added] = keys->try_emplace(key);
  if (added) at->second = {Value::Table{}, value.where, value.order};
  assign(at->second, dotted.substr(dot + 1), std::move(value));
}

void erase(Value& table, std::string_view dotted) {
  auto* keys = table.as<Value::Table>();
  if (!keys) return;
  const std::size_t dot = dotted.find('.');
  const auto at = keys->find(dotted.substr(0, dot));
  if (at == keys->end()) return;
  if (dot == dotted.npos) keys->erase(at);
  else erase(at->second, dotted.substr(dot + 1));
}

void merge(Value& table, const Value& over) {
  auto* keys = table.as<Value::Table>();
  const auto* over_keys = over.as<Value::Table>();
  if (!keys || !over_keys) {
    table = over;
    return;
  }
  for (const auto& [key, value] : *over_keys) {
    const auto [at, added] = keys->try_emplace(key, value);
    if (!added) merge(at->second, value);
  }
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = 1 + std::max<std::size_t>(1, word.size() / 3);
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) std::tie(best, best_distance) = std::tie(candidate, distance);
  }
  return best;
}

}  // namespace ablate
