#include "experiment/schema/json_schema.h"

#include "experiment/readers.h"
#include "experiment/run/kind.h"
#include "results/json.h"

#include <cmath>

namespace ablate {
namespace {

using Type = KeyFacts::Type;
using Keys = std::map<std::string, KnownKey>;

const Json expression = {{"type", "string"}, {"pattern", "^\\s*="}};

Json number(const KnownKey& key, const char* type) {
  Json json = {{"type", type}};
  const auto bound = [&](const char* name, double value) {
    if (std::abs(value) < 1e18 && value == std::floor(value)) json[name] = static_cast<std::int64_t>(value);
    else json[name] = value;
  };
  if (key.low) bound("minimum", *key.low);
  if (key.high) bound("maximum", *key.high);
  return json;
}

/// What one value of the key, or of its list, can be.
Json one(const KnownKey& key, Type type) {
  switch (type) {
    case Type::boolean:
    case Type::booleans: return {{"type", "boolean"}};
    case Type::integer:
    case Type::integers: return number(key, "integer");
    case Type::number:
    case Type::numbers: return number(key, "number");
    default: break;
  }
  if (key.choices.empty()) return {{"type", "string"}};
  if (!key.others) return {{"enum", key.choices}};
  return {{"anyOf", {{{"enum", key.choices}}, {{"type", "string"}}}}};
}

bool is_list(Type type) { return type == Type::booleans || type == Type::integers || type == Type::numbers || type == Type::strings; }

/// Builds the schema of everything below a dotted name. `swept`: a list of values stands where a value would.
class Builder {
 public:
  explicit Builder(const Keys& keys) : keys_(keys) {}

  Json table(const std::string& name, bool swept) const {
    Json json = {{"type", "object"}, {"properties", Json::object()}};
    const KnownKey* own = name.empty() ? nullptr : &keys_.at(name);
    const std::string prefix = name.empty() ? "" : name + ".";
    bool names_tables = false;
    Json others = false;
    for (auto at = keys_.lower_bound(prefix); at != keys_.end() && at->first.starts_with(prefix); ++at) {
      const std::string key = at->first.substr(prefix.size());
      if (key.empty() || key.find('.') != key.npos) continue;
      names_tables = names_tables || (at->second.others && at->second.types.contains(Type::strings));
      if (key == "NAME") others = value(at->first, swept);
      else json["properties"][key] = value(at->first, swept);
    }
    // A statistic of the file's own has a table of its own name.
    if (names_tables) others = {{"type", "object"}};
    if (own && own->own_names && others.is_boolean()) others = true;
    json["additionalProperties"] = others;
    return json;
  }

  Json value(const std::string& name, bool swept) const {
    const KnownKey& key = keys_.at(name);
    Json forms = Json::array();
    bool scalar = false;
    for (const Type type : key.types) {
      if (type == Type::table) forms.push_back(table(name, swept));
      else if (type == Type::tables) forms.push_back({{"type", "array"}, {"items", table(name, swept)}});
      else if (is_list(type)) forms.push_back({{"type", "array"}, {"items", item(key, type)}});
      else forms.push_back(one(key, type)), scalar = scalar || (type != Type::string && type != Type::boolean);
    }
    if (scalar) forms.push_back(expression);
    Json json = forms.empty() ? Json::object() : forms.size() == 1 ? forms[0] : Json{{"anyOf", forms}};
    const bool is_table = key.types == std::set{Type::table} || key.types == std::set{Type::tables};
    if (swept && !is_table) json = {{"type", "array"}, {"minItems", 1}, {"items", json}};
    describe(json, key, swept);
    return json;
  }

 private:
  static Json item(const KnownKey& key, Type type) {
    const Json own = one(key, type);
    return type == Type::integers || type == Type::numbers ? Json{{"anyOf", {own, expression}}} : own;
  }

  static void describe(Json& json, const KnownKey& key, bool swept) {
    if (!key.help.empty()) json["description"] = key.help;
    if (key.fallback && !swept) json["default"] = value_to_json(*key.fallback);
  }

  const Keys& keys_;
};

/// Keys of points only: without those that say how points come about.
Keys keys_of_points(Keys keys) {
  for (const auto& [key, type] : file_keys())
    std::erase_if(
        keys, [&, name = std::string(key.name)](const auto& entry) { return entry.first == name || entry.first.starts_with(name + "."); });
  return keys;
}

/// A quoted "model.norm" is a dotted name too.
void allow_dotted_names(Json& json, const Json& value) { json["patternProperties"] = {{"^[a-z_]+(\\.[A-Za-z0-9_]+)+$", value}}; }

/// Tables that kinds of experiments do not read.
Json foreign_tables(const Keys& keys) {
  Json rules = Json::array();
  for (const auto& [kind, unused] : ExperimentKinds::all()) {
    Json forbidden = Json::object();
    for (const auto& [name, key] : keys) {
      const std::size_t dot = name.find('.');
      if (key.kinds.contains(kind)) continue;
      if (dot == name.npos) forbidden[name] = false;
      else if (name.find('.', dot + 1) == name.npos && keys.at(name.substr(0, dot)).kinds.contains(kind))
        forbidden[name.substr(0, dot)]["properties"][name.substr(dot + 1)] = false;
    }
    if (forbidden.empty()) continue;
    rules.push_back(
        {{"if", {{"properties", {{"kind", {{"const", kind}}}}}, {"required", {"kind"}}}}, {"then", {{"properties", forbidden}}}});
  }
  return rules;
}

Json swept_keys(const Keys& points) {
  Json sweep = Builder(points).table("", true);
  allow_dotted_names(sweep, {{"type", "array"}, {"minItems", 1}});
  return sweep;
}

}  // namespace

std::string json_schema(const Keys& keys) {
  const Keys points = keys_of_points(keys);
  const Builder builder(keys), of_points(points);
  Json root = builder.table("", false);
  Json& properties = root["properties"];
  const auto with_file_keys = [&](std::initializer_list<const char*> names) {
    Json json = of_points.table("", false);
    for (const char* name : names) json["properties"][name] = properties[name];
    return json;
  };
  properties["let"]["additionalProperties"] = {{"anyOf", {{{"type", "number"}}, {{"type", "string"}}, {{"type", "boolean"}}}}};
  properties["reference"]["additionalProperties"] = {{"type", "number"}};
  properties["references"]["additionalProperties"] = {{"type", "object"}, {"additionalProperties", {{"type", "number"}}}};
  Json sweep = swept_keys(points);
  sweep["description"] = properties["sweep"]["description"];
  properties["sweep"] = std::move(sweep);
  properties["scales"]["additionalProperties"] =
      with_file_keys({"let", "reference", "group", "title", "description", "name", "kind", "sweep"});
  Json variant = with_file_keys({"name", "kind", "scale", "let", "reference", "group"});
  variant["properties"]["like"] = {{"type", "string"}, {"description", "earlier variant whose keys this one starts from"}};
  variant["required"] = {"name"};
  allow_dotted_names(variant, true);
  const auto list_of = [](Json items, const Json& described) {
    return Json{{"type", "array"}, {"minItems", 1}, {"items", std::move(items)}, {"description", described["description"]}};
  };
  properties["variant"] = list_of(std::move(variant), properties["variant"]);
  properties["claim"]["items"]["required"] = {"text", "holds"};
  root["allOf"] = foreign_tables(keys);
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Ablate experiment"}};
  schema.update(root);
  return schema.dump(2);
}

}  // namespace ablate
