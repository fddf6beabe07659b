#include "model/json_settings.h"

#include "base/error.h"
#include "base/json.h"

#include <nlohmann/json.hpp>

#include <limits>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

/// Walks the document in the order written, and with it the lines of its keys.
struct Converter {
  const std::string& file;
  std::vector<int> lines;
  std::size_t next_line = 0;
  std::uint64_t order = 0;

  Value operator()(const Json& json, const std::string& where, int depth) {
    require(depth < 32, "{}: JSON nested over 32 levels deep", where);
    Value value;
    value.where = where;
    value.order = order++;
    switch (json.type()) {
      case Json::value_t::boolean: value.data = json.get<bool>(); break;
      case Json::value_t::number_integer:
      case Json::value_t::number_unsigned: value.data = integer(json); break;
      case Json::value_t::number_float: value.data = json.get<double>(); break;
      case Json::value_t::string: value.data = json.get<std::string>(); break;
      case Json::value_t::array: value.data = array(json, where, depth); break;
      case Json::value_t::object: value.data = table(json, depth); break;
      default: break;
    }
    return value;
  }

  static decltype(Value::data) integer(const Json& json) {
    const bool wide =
        json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (wide) return json.get<double>();
    return json.get<std::int64_t>();
  }

  Value::Array array(const Json& json, const std::string& where, int depth) {
    Value::Array values;
    for (const Json& element : json) values.push_back((*this)(element, where, depth + 1));
    return values;
  }

  Value::Table table(const Json& json, int depth) {
    Value::Table values;
    for (const auto& [key, element] : json.items()) {
      const std::string where = fmt::format("{}:{}", file, lines.at(next_line++));
      if (Value value = (*this)(element, where, depth + 1); !element.is_null()) values.insert_or_assign(key, std::move(value));
    }
    return values;
  }
};

void add_nulls(const Json& object, const std::string& prefix, std::vector<std::string>& nulls) {
  for (const auto& [key, element] : object.items()) {
    if (element.is_null()) nulls.push_back(prefix + key);
    if (element.is_object() && prefix.empty()) add_nulls(element, key + ".", nulls);
  }
}

}  // namespace

Settings settings_from_json(std::string_view json, const std::string& where, std::vector<std::string>* nulls) {
  const Json parsed = parse_json<Json>(json, where);
  require(parsed.is_object(), "{}: not a JSON object", where);
  if (nulls) add_nulls(parsed, "", *nulls);
  return Settings(Converter{where, lines_of_keys(json, where)}(parsed, where, 0));
}

}  // namespace ablate
