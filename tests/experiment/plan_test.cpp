#include "experiment/plan.h"

#include "base/error.h"
#include "base/paths.h"
#include "experiment/needs.h"
#include "support/folder.h"
#include "support/places.h"

#include <doctest/doctest.h>

using namespace ablate;

namespace {

std::string at(const Point& point, const char* key) {
  const Value* value = find(point.table, key);
  return value ? to_text(*value) : "-";
}

std::vector<std::string> labels(const Plan& plan) {
  std::vector<std::string> labels;
  for (const Point& point : plan.points) labels.push_back(point.label);
  return labels;
}

Plan plan_of(const TestFolder& folder, const std::string& text, const std::vector<std::string>& sets = {}) {
  return read_plan(folder.write("x.toml", fmt::format("kind = \"train\"\n{}", text)), sets);
}

}  // namespace

TEST_CASE("plan: a file without a sweep is one point") {
  const TestFolder folder;
  const Plan plan = plan_of(folder, "name = \"one\"\ntitle = \"One\"\n[train]\nlr = 0.1\n");
  CHECK(plan.name == "one");
  CHECK(plan.kind == "train");
  REQUIRE(plan.points.size() == 1);
  CHECK(plan.points[0].id == "01-one");
  CHECK(plan.points[0].label == "one");
  CHECK(at(plan.points[0], "train.lr") == "0.1");
}

TEST_CASE("plan: a sweep is a product in the order written, the first key slowest") {
  const TestFolder folder;
  const Plan plan = plan_of(folder, "[sweep]\ntrain.lr = [1e-3, 2e-3]\nmodel.gate = [\"none\", \"head\"]\n");
  CHECK(labels(plan) ==
        std::vector<std::string>{"lr=0.001, gate=none", "lr=0.001, gate=head", "lr=0.002, gate=none", "lr=0.002, gate=head"});
  CHECK(plan.points[1].id == "02-lr-0.001-gate-head");
  CHECK(at(plan.points[3], "train.lr") == "0.002");
  CHECK(at(plan.points[3], "sweep") == "-");
  CHECK(plan.points[2].swept[0].first == "train.lr");
  CHECK(find(plan.points[2].table, "model.gate")->where.find("x.toml:4") != std::string::npos);
}

TEST_CASE("plan: axes keep the order of the file where keys of other tables stand between them") {
  const TestFolder folder;
  const std::string axes = "[sweep]\ntrain.lr = [1]\nprobe.top_k = [1, 2]\ntrain.eps = [0]\n";
  CHECK(labels(plan_of(folder, axes)) == std::vector<std::string>{"lr=1, top_k=1, eps=0", "lr=1, top_k=2, eps=0"});
  CHECK(labels(plan_of(folder, "sweep = {train.lr = [1], probe.top_k = [1], train.eps = [0]}\n"))[0] == "lr=1, top_k=1, eps=0");
  folder.write("base.toml", axes);
  CHECK(labels(plan_of(folder, "extends = \"base.toml\"\n[sweep]\nprobe.every = [0]\n"))[0] == "lr=1, top_k=1, eps=0, every=0");
}

TEST_CASE("plan: claims can be set") {
  const TestFolder folder;
  const Plan plan = plan_of(folder, "name = \"one\"\n", {"claim=[{text=\"t\", holds=\"loss('one') < 1\"}]"});
  CHECK(plan.claims.at(0).text == "t");
  CHECK(at(plan.points[0], "claim") == "-");
}

TEST_CASE("plan: variants override, carry references, and multiply with the sweep") {
  const TestFolder folder;
  const Plan plan = plan_of(folder, R"(
[model]
norm = "rmsnorm"
gate = "none"
[[variant]]
name = "baseline"
reference = {perplexity = 10.1, spike = 3818}
[[variant]]
name = "DyT"
model.norm = "dyt"
"model.gate" = "head"
[sweep]
seed = [1, 2]
)");
  CHECK(labels(plan) == std::vector<std::string>{"baseline, seed=1", "baseline, seed=2", "DyT, seed=1", "DyT, seed=2"});
  CHECK(plan.points[0].reference == std::vector<std::pair<std::string, double>>{{"perplexity", 10.1}, {"spike", 3818}});
  CHECK(plan.points[3].reference.empty());
  CHECK(plan.points[3].name == "DyT");
  CHECK(plan.points[3].id == "04-dyt-seed-2");
  CHECK(at(plan.points[3], "model.norm") == "dyt");
  CHECK(at(plan.points[3], "model.gate") == "head");
  CHECK(at(plan.points[3], "seed") == "2");
  CHECK(at(plan.points[1], "model.gate") == "none");
}

TEST_CASE("plan: files extend one another, key by key, and scales lie between") {
  const TestFolder folder;
  folder.write("base.toml", R"(
kind = "train"
scale = "small"
[let]
width = 1
[train]
steps = 10
lr = 0.1
[scales.small]
let.width = 64
train.steps = 100
[scales.large]
let.width = 4096
train.steps = 50000
)");
  folder.write("sub/child.toml",
               "extends = \"../base.toml\"\ntrain.lr = 0.2\nmodel.d_model = \"= let.width\"\nmodel.head_dim = \"= model.d_model / 32\"\n");
  const auto child = [&](const std::vector<std::string>& sets = {}) {
    return read_plan(folder.path() / "sub/child.toml", sets).points.at(0);
  };
  const Point small = child(), large = child({"scale=large"}), set = child({"train.steps=2", "scale=large", "let.width=128"});
  CHECK(at(small, "train.steps") == "100");
  CHECK(at(small, "train.lr") == "0.2");
  CHECK(at(small, "model.head_dim") == "2");
  CHECK(at(small, "let") == "-");
  CHECK(at(large, "train.steps") == "50000");
  CHECK(at(large, "model.head_dim") == "128");
  CHECK(at(set, "train.steps") == "2");
  CHECK(at(set, "model.head_dim") == "4");
  CHECK_THROWS_WITH_AS(child({"scale=huge"}), "--set: scale: there is no [scales.huge]; there is large, small", InputError);

  const Plan both = read_plan(folder.path() / "sub/child.toml", {"sweep.scale=[\"small\", \"large\"]"});
  REQUIRE(both.points.size() == 2);
  CHECK(at(both.points[1], "model.d_model") == "4096");
}

TEST_CASE("plan: --set beats everything and fixes a swept key") {
  const TestFolder folder;
  const std::string text = "[train]\nlr = 0.1\n[sweep]\nseed = [1, 2]\n[[variant]]\nname = \"a\"\ntrain.lr = 0.3\n";
  const Plan plan = plan_of(folder, text, {"seed=7", "train.lr=0.5"});
  REQUIRE(plan.points.size() == 1);
  CHECK(at(plan.points[0], "seed") == "7");
  CHECK(at(plan.points[0], "train.lr") == "0.5");
  CHECK(find(plan.points[0].table, "train.lr")->where == "--set");
  CHECK(plan_of(folder, text, {"sweep.seed=[1,2,3]"}).points.size() == 3);
}

TEST_CASE("plan: mistakes are one line with place and key") {
  const TestFolder folder;
  const auto fails = [&](const std::string& text, const std::string& message, const std::vector<std::string>& sets = {}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(plan_of(folder, text, sets), doctest::Contains(message.c_str()), InputError);
  };
  fails("modle.x = 1", "x.toml:2: modle: unknown key; did you mean model?");
  fails("[sweep]\nseed = []", "x.toml:3: sweep.seed: the list is empty");
  fails("[sweep]\nseed = 3", "x.toml:3: sweep.seed: expected a list of values, found an integer");
  fails("[sweep]\nseed = [1, 1]", "x.toml:3: sweep.seed: 1 is listed twice");
  fails("[sweep]\nsede = [1]", "x.toml:3: sweep.sede: unknown key; did you mean seed?");
  fails("[sweep]\nname = [\"a\"]", "x.toml:3: sweep.name: this key holds for the whole experiment");
  fails("[[variant]]\nname = \"a\"\n[[variant]]\nname = \"a\"", "x.toml:5: variant.name: another variant is called \"a\" too");
  fails("[[variant]]\ntrain.lr = 1", "x.toml:2: variant.name: this key is needed and missing");
  fails("[[variant]]\nname = \"a\"\ntrian.lr = 1", "x.toml:4: variant.trian: unknown key; did you mean train?");
  fails("[[variant]]\nname = \"a\"\nseed = 1\n[sweep]\nseed = [1]", "x.toml:4: variant.seed: this key is in [sweep] too");
  fails("variant = 3", "x.toml:2: variant: expected an array of tables");
  fails("name = \"../up\"", "x.toml:2: name: it names the folder of the results");
  fails("scale = \"7m\"", "x.toml:2: scale: there is no [scales.7m]");
  fails("reference = {loss = \"x\"}", "x.toml:2: reference.loss: expected a number, found a string");
  fails("extends = \"x.toml\"", "x.toml: extends itself");
  fails("extends = \"nowhere.toml\"", "nowhere.toml");
  fails("\"mo\\ndle\" = 1", "x.toml:2: mo dle: unknown key");
  fails("extends = \"" + std::string(5000, 'x') + "\"", "xxx");
  fails("", "--set: kind: expected one of probe, intervene, train; found \"walk\"", {"kind=walk"});
  fails("", "--set: modle: unknown key", {"modle.x=1"});
  fails("", "--set novalue: expected key=value", {"novalue"});
  fails(
      "[sweep]\nseed = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\ntrain.a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\ntrain.b = [1, 2, 3, 4, 5, 6, 7, 8, 9, "
      "10]\n"
      "train.c = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\ntrain.d = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\ntrain.e = [1, 2]",
      "more than 20000 points");
  folder.write("a.toml", "extends = \"b.toml\"");
  folder.write("b.toml", "extends = \"a.toml\"");
  CHECK_THROWS_WITH_AS(read_plan(folder.path() / "a.toml"), doctest::Contains("a.toml: extends itself"), InputError);
}

TEST_CASE("plan: a resolved point holds the defaults of every section, and unknown keys are refused") {
  const TestFolder folder;
  const Plan plan = plan_of(folder, "[train]\nlr = 0.1\n");
  const Value resolved = resolve(plan.points[0]);
  REQUIRE(find(resolved, "train.clip"));
  CHECK(to_text(*find(resolved, "train.clip")) == "1");
  CHECK(to_text(*find(resolved, "train.lr")) == "0.1");
  CHECK(to_text(*find(resolved, "seed")) == "0");
  const Plan wrong = plan_of(folder, "[train]\nlr = 0.1\nclp = 2\n");
  CHECK_THROWS_WITH_AS(resolve(wrong.points[0]), doctest::Contains("x.toml:4: train.clp: unknown key; did you mean clip?"), InputError);
}

TEST_CASE("plan: points are selected by number, id, name and shard") {
  const TestFolder folder;
  const Plan plan =
      plan_of(folder, "[sweep]\nseed = [1, 2]\n[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\n[[variant]]\nname = \"c\"\n");
  using Indices = std::vector<std::size_t>;
  CHECK(select(plan, {}) == Indices{0, 1, 2, 3, 4, 5});
  CHECK(select(plan, {{"5", "2"}}) == Indices{1, 4});
  CHECK(select(plan, {{"b", "01-a-seed-1"}}) == Indices{0, 2, 3});
  CHECK(select(plan, {{}, 2, 4}) == Indices{1, 5});
  CHECK(select(plan, {{}, 4, 4}) == Indices{3});
  CHECK(select(plan, {{"2", "4", "6"}, 1, 2}) == Indices{1, 5});  // of those chosen
  CHECK(select(plan, {{"2", "4", "6"}, 2, 2}) == Indices{3});
  CHECK_THROWS_WITH_AS(select(plan, {{"7"}}), doctest::Contains("--points 7"), InputError);
  CHECK_THROWS_AS(select(plan, {{"d"}}), InputError);
  CHECK_THROWS_AS(select(plan, {{}, 5, 4}), InputError);
}

TEST_CASE("plan: points are selected by ranges, lists and names with commas") {
  const TestFolder folder;
  const Plan plan = plan_of(folder,
                            "[sweep]\nseed = [1, 2]\n[[variant]]\nname = \"lr / 2, steps x 2\"\n[[variant]]\nname = \"3-4\"\n"
                            "[[variant]]\nname = \"1\"\n");
  using Indices = std::vector<std::size_t>;
  CHECK(select(plan, {{"2-4"}}) == Indices{1, 2, 3});
  CHECK(select(plan, {{"1,5-6"}}) == Indices{0, 4, 5});
  CHECK(select(plan, {{"2", "4"}}) == Indices{1, 3});
  CHECK(select(plan, {{"lr / 2, steps x 2"}}) == Indices{0, 1});
  CHECK(select(plan, {{"lr / 2, steps x 2, seed=2"}}) == Indices{1});
  CHECK(select(plan, {{"6, lr / 2, steps x 2, seed=2 ,4"}}) == Indices{1, 3, 5});
  CHECK(select(plan, {{"3-4"}}) == Indices{2, 3});  // the variant's name; the range would be the same two here
  CHECK(select(plan, {{"1"}}) == Indices{0});       // a number is a place, not the last variant's name
  for (const char* wrong : {"0", "7", "2-7", "0-2", "4-2", "-2", "2-", "", ",", "lr / 2", "1,,2", "1.5", "99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK_THROWS_WITH_AS(select(plan, {{wrong}}), doctest::Contains("no such point"), InputError);
  }
}

TEST_CASE("plan: a reference is its own variant's, whatever is like it") {
  const TestFolder folder;
  const Plan plan = plan_of(folder,
                            "[[variant]]\nname = \"A\"\nreference = {loss = 3.73}\nmodel.gate = \"head\"\n"
                            "[[variant]]\nname = \"B\"\nlike = \"A\"\n"
                            "[[variant]]\nname = \"C\"\nlike = \"B\"\nreference = {spike = 2}\n");
  CHECK(plan.points[0].reference == std::vector<std::pair<std::string, double>>{{"loss", 3.73}});
  CHECK(plan.points[1].reference.empty());
  CHECK(at(plan.points[1], "model.gate") == "head");
  CHECK(plan.points[2].reference == std::vector<std::pair<std::string, double>>{{"spike", 2.0}});
}

TEST_CASE("plan: device and without hold for the whole experiment") {
  const TestFolder folder;
  for (const char* key : {"device = \"0\"", "without = [\"f16\"]"}) {
    CAPTURE(key);
    CHECK_THROWS_WITH_AS(plan_of(folder, fmt::format("[[variant]]\nname = \"a\"\n{}\n", key)),
                         doctest::Contains("this key holds for the whole experiment"), InputError);
    CHECK_THROWS_WITH_AS(plan_of(folder, fmt::format("[scales.small]\n{}\n[scales.large]\n[sweep]\nscale = [\"small\", \"large\"]\n", key)),
                         doctest::Contains("x.toml:3"), InputError);
    CHECK_NOTHROW(plan_of(folder, fmt::format("{}\n[[variant]]\nname = \"a\"\n", key)));
  }
  CHECK_THROWS_WITH_AS(plan_of(folder, "[sweep]\ndevice = [\"0\", \"1\"]\n"),
                       doctest::Contains("sweep.device: this key holds for the whole experiment"), InputError);
}

TEST_CASE("plan: a table of another kind of experiment is named as such") {
  const TestFolder folder;
  const auto refused = [&](const std::string& text, const char* message) {
    const Plan plan = read_plan(folder.write("x.toml", text));
    CHECK_THROWS_WITH_AS(resolve(plan.points[0]), doctest::Contains(message), InputError);
  };
  refused("kind = \"probe\"\n[train]\ninit_rule = \"gpt2\"\nsteps = 3\n",
          "x.toml:4: train.steps: [train] is read by kind = \"train\"; this is kind = \"probe\"");
  refused("kind = \"train\"\n[[intervention]]\nat = \"block.1\"\ndo = \"zero\"\n",
          "x.toml:2: intervention: [[intervention]] is read by kind = \"intervene\"; this is kind = \"train\"");
  CHECK_NOTHROW(resolve(read_plan(folder.write("x.toml", "kind = \"probe\"\n[train]\ninit_rule = \"gpt2\"\n")).points[0]));
}

TEST_CASE("plan: points come after those that they need, which are run too") {
  const TestFolder folder;
  const std::string means = "probe = {statistics = [\"means\"], means = {at = [\"block.1\"]}}\n";
  const auto variant = [](const std::string& name, const std::string& needs) {
    return fmt::format("[[variant]]\nname = \"{}\"\nintervention = [{{at = \"block.1\", do = \"mean\"{}}}]\n", name,
                       needs.empty() ? "" : ", statistics = \"@" + needs + "\"");
  };
  const auto order = [&](const std::string& text, const std::vector<std::size_t>& selected) {
    std::string list;
    for (const Turn& turn : run_order(plan_of(folder, text), selected))
      list += fmt::format("{}{} ", turn.index, turn.has_row ? "" : "needed");
    return list;
  };
  const std::string plan = means + variant("a", "03-c") + variant("b", "") + variant("c", "02-b");
  CHECK(order(plan, {0, 1, 2}) == "1 2 0 ");
  CHECK(order(plan, {0}) == "1needed 2needed 0 ");
  CHECK(order(plan, {0, 2}) == "1needed 2 0 ");
  CHECK(order(plan, {1}) == "1 ");
  CHECK_THROWS_WITH_AS(order(means + variant("a", "02-b") + variant("b", "01-a"), {0}), doctest::Contains("need"), InputError);
  CHECK_THROWS_WITH_AS(order(means + variant("a", "01-a"), {0}), doctest::Contains("need its own"), InputError);
  CHECK_THROWS_WITH_AS(order(means + variant("a", "07-x"), {0}),
                       doctest::Contains("x.toml:5: intervention.statistics: no point has the id 07-x"), InputError);
  CHECK_THROWS_WITH_AS(order(variant("a", "02-b") + variant("b", ""), {0}), doctest::Contains("point 02-b records no means"), InputError);
}

TEST_CASE("plan: a path is as seen from the file it stands in, or from the current folder by --set") {
  const TestFolder folder;
  folder.write("base/base.toml", "kind = \"train\"\ndata = {source = \"text\", files = [\"a.txt\", \"/b.txt\"]}\n");
  folder.write("x.toml", "extends = \"base/base.toml\"\ndata.validation = \"v.txt\"\n");
  const auto paths = [&](const char* key, const std::vector<std::string>& sets = {}) {
    Settings point = read_plan(folder.path() / "x.toml", sets).points.at(0).settings();
    Settings data = point.table("data");
    return read_paths(data, key);
  };
  using Paths = std::vector<std::filesystem::path>;
  CHECK(paths("files") == Paths{folder.path() / "base/a.txt", "/b.txt"});
  CHECK(paths("validation") == Paths{folder.path() / "v.txt"});
  CHECK(paths("files", {"data.files=[\"c.txt\"]"}) == Paths{"c.txt"});
  CHECK(paths("files", {"data={source=\"text\",files=\"c.txt\"}"}) == Paths{"c.txt"});
  CHECK(paths("tokenizer").empty());
}

TEST_CASE("plan: the guide's example is what the guide says") {
  const std::string guide = read_text(test::source_folder() / "docs" / "experiments.md");
  const std::size_t begin = guide.find("```toml\n") + 8, end = guide.find("```", begin);
  const Plan plan = parse_plan(guide.substr(begin, end - begin), "guide.toml");
  REQUIRE(plan.points.size() == 8);
  CHECK(plan.points[1].label == "no gate, lr=0.001, seed=2");
  CHECK(plan.points[4].label == "gate per channel, lr=0.001, seed=1");
  for (const Point& point : plan.points) CHECK_NOTHROW(resolve(point));
}

TEST_CASE("plan: axes that end alike are told by their whole names") {
  const TestFolder folder;
  const Plan plan = plan_of(folder, "[sweep]\ntrain.seq_len = [8]\nprobe.seq_len = [8, 16]\n");
  CHECK(plan.points.at(0).label == "train.seq_len=8, probe.seq_len=8");
  CHECK(plan.points.at(1).label == "train.seq_len=8, probe.seq_len=16");
}

TEST_CASE("plan: an id is the name of a folder, of at most 40 characters behind its number") {
  const TestFolder folder;
  const Plan plan =
      plan_of(folder, "[[variant]]\nname = \"" + std::string(60, 'x') + "\"\n[[variant]]\nname = \"a" + std::string(39, '-') + "b\"\n");
  CHECK(plan.points[0].id == "01-" + std::string(40, 'x'));
  CHECK(plan.points[1].id == "02-a-b");
}

TEST_CASE("plan: a point that is needed twice is one need") {
  const TestFolder folder;
  const Plan plan = plan_of(
      folder,
      "[[variant]]\nname = \"record\"\nprobe.statistics = [\"means\"]\nprobe.means.at = [\"block.2\"]\n[[variant]]\nname = \"use\"\n"
      "intervention = [{at = \"block.2\", do = \"mean\", statistics = \"@01-record\"}, {at = \"block.2\", do = \"project_out\", "
      "statistics = \"@01-record\"}]\n");
  CHECK(needed_points(plan, 1) == std::vector<std::size_t>{0});
}

TEST_CASE("plan: points of a group stand together, and are what they would be without it") {
  const std::string head =
      "name = \"x\"\nkind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n";
  const Plan plan = parse_plan(head +
                                   "[[variant]]\nname = \"a\"\ngroup = \"One\"\n[[variant]]\nname = \"b\"\ngroup = \"Two\"\n"
                                   "[[variant]]\nname = \"c\"\nlike = \"a\"\n[sweep]\nseed = [1, 2]\n",
                               "f.toml");
  std::string order;
  for (const Point& point : plan.points) order += point.id + " " + point.group + "; ";
  CHECK(order == "01-a-seed-1 One; 02-a-seed-2 One; 03-c-seed-1 One; 04-c-seed-2 One; 05-b-seed-1 Two; 06-b-seed-2 Two; ");
  CHECK(find(plan.points[0].table, "group") == nullptr);
  const auto refused = [&](const std::string& more) { parse_plan(head + more, "f.toml"); };
  CHECK_THROWS_WITH_AS(refused("[sweep]\ngroup = [\"a\", \"b\"]\n"), doctest::Contains("sweep.group: this key"), InputError);
  CHECK_THROWS_WITH_AS(refused("[[variant]]\nname = \"a\"\ngroup = 3\n"), doctest::Contains("f.toml:7: group: expected a string"),
                       InputError);
}

TEST_CASE("plan: published values of checkpoints stand beside rows of that folder, and swept paths are told by their ends") {
  const TestFolder folder;
  const std::string text = "[references]\n\"Qwen2.5-1.5B\" = {spike = 7968}\nother = {spike = 1}\n";
  const Plan plan = plan_of(folder, text + "[sweep]\nmodel.checkpoint = [\"models/Qwen2.5-1.5B/\", \"models/mine\"]\n");
  CHECK(labels(plan) == std::vector<std::string>{"checkpoint=Qwen2.5-1.5B", "checkpoint=mine"});
  CHECK(plan.points[0].reference == std::vector<std::pair<std::string, double>>{{"spike", 7968.0}});
  CHECK(plan.points[1].reference.empty());
  CHECK(at(plan.points[0], "references") == "-");
  const Plan alike = plan_of(folder, "[sweep]\nmodel.checkpoint = [\"a/model\", \"b/model\"]\n");
  CHECK(labels(alike) == std::vector<std::string>{"checkpoint=a/model", "checkpoint=b/model"});
  const Plan own = plan_of(folder, text + "[[variant]]\nname = \"A\"\nmodel.checkpoint = \"other\"\nreference = {spike = 2, loss = 3}\n");
  CHECK(own.points[0].reference == std::vector<std::pair<std::string, double>>{{"spike", 2.0}, {"loss", 3.0}});
  CHECK_THROWS_WITH_AS(plan_of(folder, "references = 3\n"), doctest::Contains("x.toml:2: references: expected a table of tables"),
                       InputError);
  CHECK_THROWS_WITH_AS(plan_of(folder, "references = {x = 3}\n"), doctest::Contains("references.x: expected a table of metrics"),
                       InputError);
}

TEST_CASE("plan: an optional claim is made where all its rows are there") {
  const TestFolder folder;
  const std::string text =
      "[[claim]]\noptional = true\ntext = \"A\"\nholds = \"loss('lr=0.1') < loss('lr=0.2')\"\n[sweep]\ntrain.lr = [0.1, 0.3]\n";
  CHECK(plan_of(folder, text).claims.empty());
  CHECK(plan_of(folder, text, {"sweep.train.lr=[0.1, 0.2]"}).claims.size() == 1);
  std::string needed = text;
  needed.erase(needed.find("optional"), 16);
  CHECK_THROWS_WITH_AS(plan_of(folder, needed), doctest::Contains("there is no row \"lr=0.2\""), InputError);
}
