#include "base/settings.h"

#include "base/error.h"
#include "experiment/toml.h"

#include <doctest/doctest.h>

using namespace ablate;

static Settings read(std::string_view text) { return Settings(parse_toml(text, "f.toml")); }

TEST_CASE("settings hand out typed values and record defaults") {
  Settings file = read("[train]\nlr = 1\nsteps = 20\nbetas = [0.9, 1]\n");
  Settings train = file.table("train");
  CHECK(train.get<double>("lr", 0.5) == 1.0);
  CHECK(train.get<int>("steps") == 20);
  CHECK(train.get<std::vector<double>>("betas", {}) == std::vector<double>{0.9, 1.0});
  CHECK(train.get<std::string>("schedule", "cosine") == "cosine");
  CHECK(file.table("train").has("lr"));
  CHECK_FALSE(train.has("warmup"));

  const Value resolved = file.resolved();
  REQUIRE(find(resolved, "train.schedule"));
  CHECK(to_text(*find(resolved, "train.schedule")) == "cosine");
  CHECK(find(resolved, "train.schedule")->where == "default");
  CHECK(find(resolved, "train.betas")->where == "f.toml:4");
}

TEST_CASE("a wrong type is one line with file, line, key and both types") {
  Settings file = read("a = 1\n[model]\nnorm_eps = \"x\"\nsteps = 2.5\nn = 3000000000\nlist = [1, \"b\"]\nt = {x = 1}\n");
  Settings model = file.table("model");
  CHECK_THROWS_WITH_AS(model.get<double>("norm_eps"), "f.toml:3: model.norm_eps: expected a number, found a string", InputError);
  CHECK_THROWS_WITH_AS(model.get<std::int64_t>("steps"), "f.toml:4: model.steps: expected an integer, found a number", InputError);
  CHECK_THROWS_WITH_AS(model.get<int>("n"), "f.toml:5: model.n: expected an integer (of 32 bits), found 3000000000", InputError);
  CHECK_THROWS_WITH_AS(model.get<std::vector<int>>("list"), doctest::Contains("f.toml:6: model.list: expected an array of integers"),
                       InputError);
  CHECK_THROWS_WITH_AS(model.get<bool>("t"), "f.toml:7: model.t: expected true or false, found a table", InputError);
  CHECK_THROWS_WITH_AS(file.table("a"), "f.toml:1: a: expected a table, found an integer", InputError);
  CHECK_THROWS_WITH_AS(model.get<int>("missing"), "f.toml:2: model.missing: this key is needed and missing", InputError);
  CHECK_THROWS_WITH_AS(model.number<int>("n2", -1, 0), doctest::Contains("expected at least 0, found -1"), InputError);
  CHECK_THROWS_WITH_AS(model.choice("norm_eps", "y", {"y", "z"}), "f.toml:3: model.norm_eps: expected one of y, z; found \"x\"",
                       InputError);
}

TEST_CASE("an unknown key is named with the key that was meant, the first of the file first") {
  Settings file = read("[train]\nsteps = 1\nschedul = \"cosine\"\n[[intervention]]\nwhat = 1\n");
  Settings train = file.table("train");
  train.get<int>("steps");
  train.get<std::string>("schedule", "cosine");
  CHECK_THROWS_WITH_AS(file.reject_unused(), "f.toml:3: train.schedul: unknown key; did you mean schedule?", InputError);
  train.raw("schedul");
  CHECK_THROWS_WITH_AS(file.reject_unused(), doctest::Contains("f.toml:4: intervention: unknown key"), InputError);
  std::vector<Settings> interventions = file.tables("intervention");
  REQUIRE(interventions.size() == 1);
  interventions[0].has("do");
  CHECK_THROWS_WITH_AS(file.reject_unused(), "f.toml:5: intervention.what: unknown key; expected one of do", InputError);
  interventions[0].raw("what");
  CHECK_NOTHROW(file.reject_unused());
}

TEST_CASE("values: find, assign, erase, merge") {
  Value table = parse_toml("[a]\nb = 1\n[a.c]\nd = \"x\"\n", "f.toml");
  assign(table, "a.c.e", {std::int64_t{5}, ""});
  CHECK(to_text(*find(table, "a.c.e")) == "5");
  CHECK_THROWS_AS(assign(table, "a.b.e", {std::int64_t{5}, "--set"}), InputError);
  merge(table, parse_toml("a.b = 2\na.c.d = [1]\n", "g.toml"));
  CHECK(to_text(table) == R"({a = {b = 2, c = {d = [1], e = 5}}})");
  CHECK(find(table, "a.c.d")->where == "g.toml:2");
  erase(table, "a.c");
  CHECK_FALSE(find(table, "a.c"));
  CHECK(nearest("dmodel", {"d_model", "d_ffn"}) == "d_model");
  CHECK(nearest("zzz", {"d_model", "d_ffn"}).empty());
}
