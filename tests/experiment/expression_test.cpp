#include "experiment/expression.h"

#include "base/error.h"
#include "experiment/toml.h"

#include <doctest/doctest.h>

using namespace ablate;

static std::string evaluate(const std::string& expression, const std::string& before = "") {
  Value table = parse_toml(before + "\nx = \"" + expression + "\"\n", "f.toml");
  evaluate_expressions(table);
  const Value& x = *find(table, "x");
  return (x.as<std::int64_t>() ? "int " : "real ") + to_text(x);
}

TEST_CASE("expressions: arithmetic over keys, integers stay integers") {
  CHECK(evaluate("= 2 + 3 * 4") == "int 14");
  CHECK(evaluate("=(2+3)*4-1") == "int 19");
  CHECK(evaluate("= 12 / 4 / 3") == "int 1");
  CHECK(evaluate("= -a.b / 4", "a.b = 12") == "int -3");
  CHECK(evaluate("= 1e-3 * 4") == "real 0.004");
  CHECK(evaluate("= a / 8.0", "a = 12") == "real 1.5");
  CHECK(evaluate("= min(64, a) + max(1, 2, 3)", "a = 16") == "int 19");
  CHECK(evaluate("= a * 2", "a = \"= b + 1\"\nb = 4") == "int 10");
}

TEST_CASE("expressions: also inside arrays and tables, and nowhere else") {
  Value table = parse_toml("n = 8\n[t]\nlist = [\"= n / 2\", \"= n\"]\ntext = \"n = 8\"\n", "f.toml");
  evaluate_expressions(table);
  CHECK(to_text(*find(table, "t.list")) == "[4, 8]");
  CHECK(to_text(*find(table, "t.text")) == "n = 8");
  CHECK(find(table, "t.list")->where == "f.toml:3");
}

TEST_CASE("expressions: mistakes are refused with their place") {
  CHECK_THROWS_WITH_AS(evaluate("= 5 / 2"), "f.toml:2: x: \"= 5 / 2\": 5 / 2 is not an integer", InputError);
  CHECK_THROWS_WITH_AS(evaluate("= 5 / 0"), doctest::Contains("division by zero"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= nothing"), doctest::Contains("there is no key nothing"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= a", "a = \"text\""), doctest::Contains("a is a string, not a number"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= x + 1"), doctest::Contains("it depends on itself"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= a", "a = \"= b\"\nb = \"= a\""), doctest::Contains("it depends on itself"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= 1 +"), doctest::Contains("expected a number or a key"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= 1 2"), doctest::Contains("expected an operator"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= (1"), doctest::Contains("expected )"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= sin(1)"), doctest::Contains("there is no function sin"), InputError);
  CHECK_THROWS_WITH_AS(evaluate("= 9000000000000000000 * 2"), doctest::Contains("out of range"), InputError);
  CHECK_THROWS_AS(evaluate("= " + std::string(100000, '(')), InputError);
  CHECK_THROWS_AS(evaluate("= " + std::string(100000, '-')), InputError);
}
