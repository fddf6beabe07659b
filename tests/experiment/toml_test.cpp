#include "experiment/toml.h"

#include "base/error.h"

#include <doctest/doctest.h>

using namespace ablate;

TEST_CASE("toml: values know their places and their order") {
  const Value table = parse_toml("z = 1\na.b = [true,\n 2.5]\n", "f.toml");
  CHECK(find(table, "z")->where == "f.toml:1");
  CHECK(find(table, "a.b")->where == "f.toml:2");
  CHECK((*find(table, "a.b")->as<Value::Array>())[1].where == "f.toml:3");
  CHECK(find(table, "z")->order < find(table, "a")->order);
}

TEST_CASE("toml: what is not TOML is one line with its place") {
  CHECK_THROWS_WITH_AS(parse_toml("a = 1\nb = = 2\n", "f.toml"), doctest::Contains("f.toml:2: not TOML"), InputError);
  CHECK_THROWS_WITH_AS(parse_toml("a = 1\na = 2\n", "f.toml"), doctest::Contains("f.toml:2: not TOML"), InputError);
  CHECK_THROWS_WITH_AS(parse_toml("a = 1979-05-27\n", "f.toml"), doctest::Contains("f.toml:1: a: expected"), InputError);
}

TEST_CASE("toml: letters outside ASCII are text in strings and refused in bare keys") {
  CHECK(to_text(*find(parse_toml("title = \"Größe ±\"", "f.toml"), "title")) == "Größe ±");
  for (const char* key : {"é = 1", "x.é = 1", "[ é]", "a é = 1"}) CHECK_THROWS_AS(parse_toml(key, "f.toml"), InputError);
}

TEST_CASE("toml: assignments of the command line") {
  const auto text = [](const char* assignment) {
    const Assignment a = parse_assignment(assignment);
    return a.key + " is " + std::string(type_name(a.value)) + " " + to_text(a.value);
  };
  CHECK(text("train.lr=1e-3") == "train.lr is a number 0.001");
  CHECK(text("train.steps=10") == "train.steps is an integer 10");
  CHECK(text("model.norm=dyt") == "model.norm is a string dyt");
  CHECK(text("model.checkpoint=/a b/c=d") == "model.checkpoint is a string /a b/c=d");
  CHECK(text("seed=[1,2]") == "seed is an array [1, 2]");
  CHECK(text("x=\"quoted\"") == "x is a string quoted");
  CHECK(text("x=") == "x is a string ");
  CHECK(text("x=1\ny=2") == "x is a string 1\ny=2");
  CHECK_THROWS_AS(parse_assignment("novalue"), InputError);
  CHECK_THROWS_AS(parse_assignment("=1"), InputError);
}
