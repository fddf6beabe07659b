#include "base/error.h"
#include "base/file.h"
#include "experiment/plan.h"
#include "experiment/schema/explain.h"
#include "experiment/schema/json_schema.h"
#include "support/places.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace ablate {
namespace {

namespace fs = std::filesystem;
using Keys = std::map<std::string, KnownKey>;

const Keys& keys() {
  static const Keys all = known_keys();
  return all;
}

void require_known(const Value& value, const std::string& name) {
  if (const auto* table = value.as<Value::Table>()) {
    for (const auto& [key, below] : *table) require_known(below, name.empty() ? key : name + "." + key);
  } else if (const auto* list = value.as<Value::Array>(); list && !list->empty() && list->front().as<Value::Table>()) {
    for (const Value& below : *list) require_known(below, name);
  } else {
    INFO(value.where, ": ", name);
    const bool of_own_statistic = name == "probe.kurtosis.at";  // experiments/extend: a shader of the file's own
    CHECK((of_own_statistic || keys().contains(known_name(keys(), name))));
  }
}

TEST_CASE("the keys of every shipped experiment are found by reading") {
  int points = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test::source_folder() / "experiments")) {
    if (entry.path().extension() != ".toml") continue;
    Plan plan;
    try {
      plan = read_plan(entry.path());
    } catch (const InputError&) {  // a base that is no experiment by itself
      continue;
    }
    for (const Point& point : plan.points) require_known(resolve(point), ""), ++points;
  }
  CHECK(points > 200);
}

TEST_CASE("every key has a type and a line of help") {
  for (const auto& [name, key] : keys()) {
    INFO(name);
    const bool is_table = key.types.contains(KeyFacts::Type::table) || key.types.contains(KeyFacts::Type::tables);
    CHECK((is_table || !key.help.empty()));
    CHECK((!key.types.empty() || name == "device" || name == "report"));
    CHECK(key.help.find('\n') == std::string::npos);
    CHECK(!key.kinds.empty());
  }
}

TEST_CASE("what readers say of a key is found: type, default, range, choices, and where it is read") {
  const KnownKey& warmup = keys().at("train.warmup");
  CHECK(describe_type(warmup) == "an integer from 0 up");
  CHECK(to_text(*warmup.fallback) == "0");
  CHECK(warmup.kinds == std::set<std::string>{"train"});
  CHECK(keys().at("train.optimizer").choices == std::vector<std::string>{"adamw", "sgd", "muon"});
  CHECK(keys().at("data.symbols").where == std::set<std::string>{"data.source = \"bigram_backcopy\""});
  CHECK(keys().at("data.source").needed);
  CHECK(keys().at("probe.quadratic_forms.eigenvalues").high == 256);
  CHECK(keys().at("intervention.value").types.contains(KeyFacts::Type::numbers));
  CHECK(keys().at("shaders.NAME.constants.NAME").types.contains(KeyFacts::Type::number));
  CHECK(keys().at("model.checkpoint").types.contains(KeyFacts::Type::string));
  const auto& stored = keys().at("model.stored").choices;
  for (const char* type : {"as in the file", "f32", "f16", "bf16", "q8_0", "q4_0"})
    CHECK(std::find(stored.begin(), stored.end(), type) != stored.end());
  CHECK(std::find(stored.begin(), stored.end(), "q4_K") == stored.end());  // is read and not written
}

TEST_CASE("explain says what a key is, and names the nearest one of a key that is not there") {
  const std::string text = explain(keys(), "train.warmup");
  CHECK(text.find("train.warmup: an integer from 0 up; default 0") != text.npos);
  CHECK(text.find("read where kind = train") != text.npos);
  CHECK(explain(keys(), "train").find("  warmup ") != std::string::npos);
  CHECK(explain(keys(), "shaders.mine.forward").find("GLSL file") != std::string::npos);
  CHECK_THROWS_WITH_AS(explain(keys(), "train.wamup"), "there is no key train.wamup; did you mean train.warmup?", InputError);
}

TEST_CASE("the schema knows a table for every table, and refuses keys that nobody reads") {
  const auto schema = nlohmann::json::parse(json_schema(keys()));
  const auto& train = schema.at("properties").at("train");
  CHECK(train.at("additionalProperties") == false);
  CHECK(train.at("properties").at("steps").at("default") == 1000);
  CHECK(schema.at("properties").at("sweep").at("properties").at("train").at("properties").at("lr").at("type") == "array");
}

}  // namespace
}  // namespace ablate
