#include "results/claim.h"

#include "base/error.h"
#include "experiment/plan.h"
#include "experiment/results.h"
#include "experiment/toml.h"
#include "results/join_claims.h"
#include "results/results_file.h"
#include "support/folder.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;

namespace {

Row row(const std::string& name, std::vector<std::pair<std::string, double>> metrics, const std::string& seed = "",
        const std::string& error = "") {
  Row row;
  row.name = name;
  row.label = seed.empty() ? name : name + ", seed=" + seed;
  if (!seed.empty()) row.swept.emplace_back("seed", Value{seed, ""});
  for (const auto& [key, value] : metrics) row.metrics.set(key, value);
  row.error = error;
  return row;
}

/// Rows "a" and "b" with a spike for each seed.
std::vector<Row> seeds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < a.size(); ++i) rows.push_back(row("a", {{"spike", a[i]}}, std::to_string(i)));
  for (std::size_t i = 0; i < b.size(); ++i) rows.push_back(row("b", {{"spike", b[i]}}, std::to_string(i)));
  return rows;
}

std::string verdict(const std::string& holds, const std::vector<Row>& rows) {
  return to_text(judge({"x", holds, "", "f.toml:1"}, rows).verdict);
}

std::vector<Claim> claims_of(const std::string& toml) { return read_claims(parse_toml(toml, "f.toml")); }

}  // namespace

TEST_CASE("claims: one seed decides by itself") {
  const std::vector<Row> rows{row("a", {{"spike", 10.0}}), row("b", {{"spike", 30.0}})};
  CHECK(verdict("spike('a') < spike('b')", rows) == "holds");
  CHECK(verdict("spike('a') > spike('b')", rows) == "fails");
  CHECK(verdict("spike('a') < spike('b') / 3", rows) == "fails");
  CHECK(verdict("spike('a') <= spike('b') / 3", rows) == "holds");
  CHECK(verdict("max(spike('a'), spike(\"b\")) - 2 * 5 >= -(-20)", rows) == "holds");
  const Judgement judgement = judge({"x", "spike('a') < spike('b') / 3", "", ""}, rows);
  CHECK(judgement.left == 10.0);
  CHECK(judgement.right == 10.0);
  CHECK(judgement.seeds == 1);
}

TEST_CASE("claims: two seeds must agree, more must be two standard errors apart") {
  CHECK(verdict("spike('a') < spike('b')", seeds({1, 2}, {3, 4})) == "holds");
  CHECK(verdict("spike('a') < spike('b')", seeds({5, 6}, {3, 4})) == "fails");
  CHECK(verdict("spike('a') < spike('b')", seeds({1, 6}, {3, 4})) == "open");
  CHECK(verdict("spike('a') < spike('b')", seeds({1, 1.1, 0.9}, {2, 2.1, 2.2})) == "holds");
  CHECK(verdict("spike('a') > spike('b')", seeds({1, 1.1, 0.9}, {2, 2.1, 2.2})) == "fails");
  // margins 1, 1, -1.5: mean 0.17, standard error 0.83
  CHECK(verdict("spike('a') < spike('b')", seeds({1, 1, 3.5}, {2, 2, 2})) == "open");
  // Paired by seed: the seeds differ a lot, the margins do not.
  CHECK(verdict("spike('a') < spike('b')", seeds({1, 10, 100}, {1.5, 10.6, 100.4})) == "holds");
  CHECK(verdict("spike('a') < spike('b')", seeds({2, 2, 2}, {2, 2, 2})) == "fails");
}

// Margins 1 - d, 1, 1 + d have the standard error d / sqrt(3): 0.513 of 0.888, 0.491 of 0.850.
TEST_CASE("claims: two standard errors are two, of n - 1 degrees of freedom, on either side") {
  CHECK(verdict("spike('a') < spike('b')", seeds({0, 0, 0}, {0.112, 1, 1.888})) == "open");
  CHECK(verdict("spike('a') < spike('b')", seeds({0, 0, 0}, {0.15, 1, 1.85})) == "holds");
  CHECK(verdict("spike('a') > spike('b')", seeds({0, 0, 0}, {0.112, 1, 1.888})) == "open");
  CHECK(verdict("spike('a') > spike('b')", seeds({0, 0, 0}, {0.15, 1, 1.85})) == "fails");
}

TEST_CASE("claims: a comparison is told with the parentheses that it needs") {
  const std::vector<Row> rows{row("a", {{"spike", 10.0}})};
  for (const std::string text : {"(spike('a') + 1) * 2 < 3", "spike('a') * 2 + 1 < 3", "spike('a') - (1 - 2) < 3",
                                 "2 / (3 / spike('a')) < 3", "-(spike('a') + 1) < max(1, 2 - 3)"})
    CHECK(judge({"x", text, "", ""}, rows).comparison == text);
}

TEST_CASE("claims: only seeds that all rows have count, a row without a seed goes with each") {
  std::vector<Row> rows = seeds({1, 2, 50}, {3, 4});
  CHECK(judge({"x", "spike('a') < spike('b')", "", ""}, rows).seeds == 2);
  CHECK(verdict("spike('a') < spike('b')", rows) == "holds");
  rows.push_back(row("c", {{"spike", 10.0}}));
  CHECK(verdict("spike('a') < spike('c')", seeds({1, 2}, {})) == "open");
  rows = seeds({1, 2}, {});
  rows.push_back(row("c", {{"spike", 10.0}}));
  CHECK(verdict("spike('a') < spike('c')", rows) == "holds");
  rows = seeds({1}, {});
  rows.push_back(row("b", {{"spike", 2.0}}, "7"));
  CHECK(verdict("spike('a') < spike('b')", rows) == "open");
}

TEST_CASE("claims: what cannot be computed is open, whichever way the claim is turned") {
  const std::vector<Row> rows{row("a", {{"spike", 1.0}, {"zero", 0.0}, {"bad", std::nan("")}, {"infinite", INFINITY}}),
                              row("b", {{"spike", 2.0}}), row("failed", {{"spike", 0.0}}, "", "out of memory")};
  for (const std::string op : {"<", "<=", ">", ">="})
    for (const std::string side :
         {"spike('failed')", "spike('absent')", "loss('a')", "bad('a')", "infinite('a')", "spike('a') / zero('a')", "0 / zero('a')",
          "1e308 * 10 * spike('a')", "min(1e308 * 10 * spike('a'), 5)", "1 / (1e308 * 10 * spike('a'))", "min(1, spike('a') / zero('a'))",
          "max(1, bad('a'))", "min(1, bad('a'))"}) {
      CAPTURE(side);
      CHECK(verdict(side + " " + op + " 1", rows) == "open");
      CHECK(verdict("1 " + op + " " + side, rows) == "open");
      CHECK(verdict(side + " " + op + " 1 or spike('a') < spike('b')", rows) == "open");
      CHECK(verdict(side + " " + op + " 1 and spike('a') > spike('b')", rows) == "open");
    }
  CHECK(judge({"x", "spike('failed') < 1", "", ""}, rows).reason == "“failed” failed");
  CHECK(judge({"x", "spike('absent') < 1", "", ""}, rows).reason == "“absent” was not run");
  CHECK(judge({"x", "loss('a') < 1", "", ""}, rows).reason == "“a” has no loss");
}

// Of three seeds of a plan, two that happen to agree say nothing about the third.
TEST_CASE("claims: what a part of a run shows is open as long as rows of the claim are missing") {
  const Plan plan = parse_plan(
      "name = \"x\"\nkind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n"
      "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\n[sweep]\nseed = [1, 2, 3]\n"
      "[[claim]]\ntext = \"t\"\nholds = \"spike('a') < 5\"\n",
      "f.toml");
  const auto judged = [&](const std::vector<std::string>& seeds_run) {
    std::vector<Row> rows;
    for (const std::string& seed : seeds_run) rows.push_back(row("a", {{"spike", 1.0}}, seed));
    return judge(plan.claims.at(0), rows);
  };
  CHECK(plan.claims[0].needs == std::vector<std::string>{"a, seed=1", "a, seed=2", "a, seed=3"});
  CHECK(judged({"1", "2", "3"}).verdict == Verdict::holds);  // b is not asked for
  CHECK(judged({"1", "3"}).verdict == Verdict::open);
  CHECK(judged({"1", "3"}).reason == "“a, seed=2” was not run");
  const TestFolder folder;
  write_results(folder.path(), {"x", {row("a", {{"spike", 1.0}}, "1")}, plan.claims});
  const Results read = read_results(folder.path() / "results.json");
  CHECK(judge(read.claims.at(0), read.rows).verdict == Verdict::open);
}

TEST_CASE("claims: of rows that cannot be told apart nothing is said") {
  std::vector<Row> rows = seeds({1, 2}, {3, 4});
  rows.push_back(row("a", {{"spike", 9.0}}, "1"));
  CHECK(judge({"x", "spike('a') < spike('b')", "", ""}, rows).reason == "several rows are called “a, seed=1”");
  rows = seeds({1, 2}, {3, 4});
  rows.push_back(row("a", {{"spike", 1.0}}));  // of a part that was run without the sweep
  CHECK(judge({"x", "spike('a') < spike('b')", "", ""}, rows).reason == "of the rows called “a” one has no seed and others have");
}

TEST_CASE("claims: parts of a run join what they claim, and what that needs") {
  std::vector<Claim> claims{{"one", "spike('a') < 5", "", "", {"a, seed=1"}}};
  join_claims(claims, {{"one", "spike('a') < 5", "", "", {"a, seed=1", "a, seed=2"}}, {"two", "spike('b') < 5", "", "", {"b"}}});
  REQUIRE(claims.size() == 2);
  CHECK(claims[0].needs == std::vector<std::string>{"a, seed=1", "a, seed=2"});
  CHECK(claims[1].text == "two");
  CHECK(judge(claims[0], std::vector<Row>{row("a", {{"spike", 1.0}}, "1")}).verdict == Verdict::open);
}

TEST_CASE("claims: one number of a list") {
  std::vector<Row> rows{row("a", {{"spike", 1.0}})};
  rows[0].metrics.set("per_state", std::vector<double>{1, 5, std::nan("")});
  rows[0].metrics.set("score", std::vector<std::vector<double>>{{1, 2}, {3, 4}});
  rows[0].metrics.set("words", std::string("many"));
  CHECK(verdict("per_state[1]('a') > 4 and score[1][0]('a') <= 3", rows) == "holds");
  CHECK(verdict("per_state[0]('a') > score[0][1]('a')", rows) == "fails");
  for (const std::string nothing : {"per_state[2]", "per_state[3]", "per_state", "per_state[0][0]", "score[1]", "score[2][0]",
                                    "score[0][2]", "score", "spike[0]", "words", "words[0]"}) {
    CAPTURE(nothing);
    CHECK(verdict(nothing + "('a') > 0", rows) == "open");
    CHECK(verdict(nothing + "('a') <= 0", rows) == "open");
  }
  const Judgement judgement = judge({"x", "per_state[3]('a') > 0", "", ""}, rows);
  CHECK(judgement.reason == "“a” has no per_state[3]");
  CHECK(judge({"x", "per_state[ 1 ]('a') < 9", "", ""}, rows).comparison == "per_state[1]('a') < 9");
}

TEST_CASE("claims: and, or") {
  const std::vector<Row> rows = seeds({1, 2}, {3, 4});
  CHECK(verdict("spike('a') < spike('b') and spike('a') < 3", rows) == "holds");
  CHECK(verdict("spike('a') < spike('b') and spike('a') < 1", rows) == "fails");
  CHECK(verdict("spike('a') > spike('b') or spike('a') < 3", rows) == "holds");
  CHECK(verdict("spike('a') > spike('b') or spike('a') > 1.5", rows) == "open");
  CHECK(verdict("(spike('a') > 1.5 or spike('a') < 0) and spike('b') > 0", rows) == "open");
  CHECK(verdict("spike('a') > 1.5 and spike('b') < 0", rows) == "fails");
}

TEST_CASE("claims: mistakes are found before a run, with place and what was expected") {
  const auto claim = [](const std::string& holds) { return "[[claim]]\ntext = \"t\"\nholds = \"" + holds + "\"\n"; };
  CHECK(claims_of(claim("spike('a') < 1")).at(0).where == "f.toml:3: claim.holds");
  CHECK_THROWS_WITH_AS(claims_of(claim("1 < 2")), doctest::Contains("speaks of no row"), InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("spike('a')")), doctest::Contains("f.toml:3: claim.holds: \"spike('a')\": expected a comparison"),
                       InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("spike < 1")), doctest::Contains("a metric needs its row"), InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("spike('a) < 1")), doctest::Contains("is not closed"), InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("1 < spike('a') < 2")), doctest::Contains("join them with \"and\""), InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("spike('a') + (1 < 2) < 3")), doctest::Contains("expected a number, found the comparison"),
                       InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("spike('a') and 1 < 2")), doctest::Contains("expected a comparison, found the number"), InputError);
  // What holds whatever the rows say is no claim, nor is what never has a value.
  for (const std::string foregone :
       {"spike('a') <= spike('a')", "spike('a') - spike('a') < 1", "0 * spike('a') < 1", "spike('a') / spike('a') > 0.5",
        "max(spike('a'), 1e300) > 5", "spike('a') > 3 or loss('b') >= loss('b')", "spike('a') < 1 / (2 - 2)",
        "1e308 * 10 * spike('a') > 1"}) {
    CAPTURE(foregone);
    CHECK_THROWS_WITH_AS(claims_of(claim(foregone)), doctest::Contains("comes out the same whatever the rows say"), InputError);
  }
  CHECK_THROWS_WITH_AS(claims_of(claim("spike('a') < 0 or 1 < 2")), doctest::Contains("1 < 2 speaks of no row"), InputError);
  for (const std::string open : {"spike('a') > -1e20", "spike('a') * spike('a') >= 0", "1 / spike('a') < 3", "tokens('a') > 1e13",
                                 "spike('a') <= spike('b')", "min(spike('a'), 5) > 3"}) {
    CAPTURE(open);
    CHECK_NOTHROW(claims_of(claim(open)));
  }
  for (const std::string bad : {"spike[-1]('a') < 1", "spike[1.5]('a') < 1", "spike[x]('a') < 1", "spike[0][0][0]('a') < 1", "spike[0 < 1",
                                "spike[0] < 1", "max[0](1, 2) < 1", "spike[99999999999999999999]('a') < 1"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(claims_of(claim(bad)), InputError);
  }
  CHECK_THROWS_WITH_AS(claims_of(claim("spike('a') < 2 * / 3")), doctest::Contains("expected a number or a key at character 18, \"/ 3\""),
                       InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("(spike('a') < 2")), doctest::Contains("expected ) at the end"), InputError);
  CHECK_THROWS_WITH_AS(claims_of(claim("spike(a) < 2")), doctest::Contains("there is no function spike"), InputError);
  CHECK_THROWS_WITH_AS(claims_of("[[claim]]\ntext = \"t\"\n"), doctest::Contains("holds"), InputError);
  CHECK_THROWS_WITH_AS(claims_of("[[claim]]\ntext = \"t\"\nholds = \"1 < 2\"\nproof = 1\n"), doctest::Contains("proof"), InputError);
  for (const std::string lines : {"text = \"t\\n  holds  Another\"\n", "text = \"t\"\npaper = \"\"\"\none\ntwo\"\"\"\n"})
    CHECK_THROWS_WITH_AS(claims_of("[[claim]]\nholds = \"spike('a') < 1\"\n" + lines), doctest::Contains("expected one line of text"),
                         InputError);
  CHECK_THROWS_WITH_AS(claims_of("claim = 3\n"), doctest::Contains("expected an array of tables"), InputError);
  CHECK_THROWS_AS(claims_of(claim("1" + std::string(100000, '+') + "1 < 2")), InputError);
  std::string long_sum = "1";
  for (int i = 0; i < 100000; ++i) long_sum += "+1";
  CHECK_THROWS_WITH_AS(claims_of(claim(long_sum + " < 2")), doctest::Contains("more than 200 operators"), InputError);
}

TEST_CASE("claims: rows of the plan") {
  const std::string head =
      "name = \"x\"\nkind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n"
      "[[variant]]\nname = \"pre-norm\"\n[[variant]]\nname = \"other, with a comma\"\n";
  const auto with = [&](const std::string& holds, const std::string& more = "") {
    parse_plan(head + more + "[[claim]]\ntext = \"t\"\nholds = \"" + holds + "\"\n", "f.toml");
  };
  CHECK_NOTHROW(with("spike('pre-norm') < spike('other, with a comma')"));
  CHECK_NOTHROW(with("spike('pre-norm') < 1", "[sweep]\nseed = [1, 2]\n"));
  CHECK_THROWS_WITH_AS(with("spike('prenorm') < 1"), doctest::Contains("there is no row \"prenorm\"; did you mean \"pre-norm\"?"),
                       InputError);
  CHECK_NOTHROW(with("spike('pre-norm, sequences=1') < 1", "[sweep]\nprobe.sequences = [1, 2]\n"));
  CHECK_THROWS_WITH_AS(with("spike('pre-norm') < 1", "[sweep]\nprobe.sequences = [1, 2]\n"), doctest::Contains("stands for several rows"),
                       InputError);
  CHECK_THROWS_WITH_AS(with("spike('pre-norm') < 1", "[sweep]\ndata.seed = [1, 2]\n"), doctest::Contains("stands for several rows"),
                       InputError);
  CHECK_NOTHROW(with("spike('pre-norm, seed=1') < spike('pre-norm, seed=2')", "[sweep]\ndata.seed = [1, 2]\n"));
}

TEST_CASE("claims: values that read alike are several rows") {
  const std::string body =
      "name = \"x\"\nkind = \"train\"\nmodel = {vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n";
  const std::string claim = "[[claim]]\ntext = \"t\"\nholds = \"loss('lr=1') < 9\"\n";
  CHECK_NOTHROW(parse_plan(body + claim + "[sweep]\ntrain.lr = [1, 2]\n", "f.toml"));
  CHECK_THROWS_WITH_AS(parse_plan(body + claim + "[sweep]\ntrain.lr = [1, 1.0]\n", "f.toml"),
                       doctest::Contains("several rows are called \"lr=1\""), InputError);
}

TEST_CASE("claims: one about another model is put aside, with a note") {
  const std::string head =
      "name = \"x\"\nkind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\n"
      "data = {source = \"bigram_backcopy\", symbols = 33}\n";
  const auto claim = [](const std::string& text, const std::string& model) {
    return "[[claim]]\ntext = \"" + text + "\"\nholds = \"spike('x') > 1\"\n" + (model.empty() ? "" : "model = \"" + model + "\"\n");
  };
  const std::string text = head + claim("any", "") + claim("planted", "planted") + claim("checkpoint", "checkpoint");
  const auto texts = [](const Plan& plan) {
    std::string all;
    for (const Claim& one : plan.claims) all += one.text + " ";
    return all;
  };
  const Plan planted = parse_plan(text, "f.toml"), checkpoint = parse_plan(text, "f.toml", {"model.checkpoint=folder"});
  CHECK(texts(planted) == "any planted ");
  CHECK(planted.notes == std::vector<std::string>{"a claim about the model \"checkpoint\" is put aside: it is not that of the rows"});
  CHECK(texts(checkpoint) == "any checkpoint ");
  CHECK(checkpoint.notes == std::vector<std::string>{"a claim about the model \"planted\" is put aside: it is not that of the rows"});
  CHECK_THROWS_WITH_AS(parse_plan(head + claim("t", "plantd"), "f.toml"),
                       "f.toml:8: claim.model: expected one of checkpoint, planted, found \"plantd\"", InputError);
}

TEST_CASE("claims: one whose rows --set takes away is put aside, with a note; one that is wrong as written is not") {
  const std::string body =
      "name = \"x\"\nkind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n";
  const std::string right = body + "[[claim]]\ntext = \"t\"\nholds = \"spike('x') > 1\"\n";
  const std::string sweep = "sweep.probe.sequences=[1, 2]";
  const Plan plan = parse_plan(right, "f.toml", {sweep});
  CHECK(plan.claims.empty());
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].find("a claim is put aside, for --set took away what it speaks of: \"spike('x') > 1\": there is no row \"x\"") == 0);
  CHECK_THROWS_WITH_AS(parse_plan(body + "[[claim]]\ntext = \"t\"\nholds = \"spike('y') > 1\"\n", "f.toml", {sweep}),
                       doctest::Contains("there is no row \"y\""), InputError);
  CHECK_THROWS_WITH_AS(parse_plan(body, "f.toml", {"claim=[{text=\"t\", holds=\"spike('y') > 1\"}]"}),
                       doctest::Contains("there is no row \"y\""), InputError);
}

TEST_CASE("claims: rows of several data seeds stay apart") {
  std::vector<Row> rows = {row("a", {{"spike", 1}}), row("a", {{"spike", 2}})};
  for (std::size_t i = 0; i < 2; ++i) {
    rows[i].label = fmt::format("a, seed={}", i);
    rows[i].swept.emplace_back("data.seed", Value{std::int64_t(i), ""});
  }
  CHECK(verdict("spike('a, seed=0') < spike('a, seed=1')", rows) == "holds");
  CHECK(verdict("spike('a, seed=0') > 1.5", rows) == "fails");
}

TEST_CASE("claims: the terminal ends with the score") {
  const std::vector<Row> rows{row("a", {{"spike", 10.0}}), row("b", {{"spike", 30.0}})};
  const std::vector<Claim> claims{
      {"One", "spike('a') < spike('b')", "Table 5", ""}, {"Two", "spike('a') > 20", "", ""}, {"Three", "spike('c') > 20", "", ""}};
  CHECK(format_claims(claims, rows) ==
        "Claims\n"
        "  holds  One\n         spike('a') < spike('b'): 10 against 30, 1 seed (Table 5)\n"
        "  fails  Two\n         spike('a') > 20: 10 against 20, 1 seed\n"
        "  open   Three\n         “c” was not run\n"
        "1 of 3 claims holds, 1 fails, 1 open\n");
  CHECK(format_claims({}, rows) == "");
  CHECK(score_of(std::vector<Verdict>(2, Verdict::holds)) == "2 of 2 claims hold");
  CHECK(score_of(std::vector<Verdict>{Verdict::holds}) == "1 of 1 claim holds");
  CHECK(judge({"x", "spike('a') < spike('b')", "", ""}, seeds({1, 6}, {3, 4})).reason == "its two seeds disagree");
}
