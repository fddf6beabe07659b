// Several experiment files as one.
#include "experiment/collection.h"

#include "base/error.h"
#include "base/file.h"
#include "experiment/shared_points.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

namespace {

const std::string body =
    "kind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n";

std::string variant(const std::string& name, const std::string& more = "") { return "[[variant]]\nname = \"" + name + "\"\n" + more; }

std::string claim(const std::string& holds) { return "[[claim]]\ntext = \"t\"\nholds = \"" + holds + "\"\n"; }

class Files {
 public:
  Files() {
    write("norms.toml", "title = \"Table 3\"\n" + body + variant("base") +
                            variant("own, group", "group = \"More\"\nprobe.sequences = 3\n") +
                            claim("spike('base') < 2 * (spike('own, group') + 1)"));
    write("gates.toml", "title = \"Table 4\"\n" + body + variant("other", "probe.sequences = 5\n") + variant("baseline") +
                            claim("spike_per_state[1]('baseline') > 1 or min(1, spike('other')) > 0"));
    write("sweep.toml",
          "title = \"Lengths\"\n" + body + "[sweep]\nprobe.seq_len = [8, 16]\n" + claim("spike('seq_len=8') > spike('seq_len=16')"));
  }
  void write(const std::string& name, const std::string& text) const { write_atomically(folder_.path() / name, text); }
  Plan plan(const std::string& text, const std::vector<std::string>& sets = {}) const {
    return parse_plan(text, folder_.path() / "all.toml", sets);
  }
  std::string refused(const std::string& text) const {
    try {
      plan(text);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

 private:
  TemporaryFolder folder_;
};

const std::string all = "name = \"paper\"\ntitle = \"All\"\ninclude = [\"norms.toml\", \"gates.toml\", \"sweep.toml\"]\n";

}  // namespace

TEST_CASE("collection: rows and claims of all files, called by file and name, in groups by title") {
  const Plan plan = Files().plan(all);
  std::string points, claims;
  for (const Point& point : plan.points) points += fmt::format("{} | {} | {}\n", point.id, point.label, point.group);
  CHECK(points ==
        "01-norms-base | norms: base | Table 3\n"
        "02-norms-own-group | norms: own, group | Table 3: More\n"
        "03-gates-other | gates: other | Table 4\n"
        "04-gates-baseline | gates: baseline | Table 4\n"
        "05-sweep-seq-len-8 | sweep, seq_len=8 | Lengths\n"
        "06-sweep-seq-len-16 | sweep, seq_len=16 | Lengths\n");
  for (const Claim& one : plan.claims) claims += one.holds + "\n";
  CHECK(claims ==
        "spike('norms: base') < 2 * (spike('norms: own, group') + 1)\n"
        "spike_per_state[1]('gates: baseline') > 1 or min(1, spike('gates: other')) > 0\n"
        "spike('sweep, seq_len=8') > spike('sweep, seq_len=16')\n");
  // Every claim finds its rows.
  for (const Claim& one : plan.claims)
    for (const Formula& metric : metrics_of(one))
      CHECK(std::any_of(plan.points.begin(), plan.points.end(),
                        [&](const Point& p) { return is_called(metric.row, p.name, p.label, p.swept); }));
  CHECK(plan.kind == "probe");
  CHECK(plan.points[0].settings().get<std::string>("name") == "paper");
}

TEST_CASE("collection: seeds of every file, and rows that are alike") {
  const Plan plan = Files().plan(all, {"sweep.seed=[1, 2]", "name=mine", "probe.sequences=4"});
  CHECK(plan.name == "mine");
  REQUIRE(plan.points.size() == 12);
  CHECK(plan.points[0].label == "norms: base, seed=1");
  CHECK(plan.points[8].label == "sweep, seq_len=8, seed=1");
  CHECK(first_alike(plan) ==
        std::vector<std::size_t>{0, 1, 0, 1, 0, 1, 0, 1, 8, 9, 10, 11});  // with the same sequences all are the planted model
  const Plan own = Files().plan(all);
  CHECK(first_alike(own) == std::vector<std::size_t>{0, 1, 2, 0, 4, 5});
  for (const int shard : {1, 2, 3}) {
    const std::vector<std::size_t> part = select(own, {.points = {}, .shard = shard, .shards = 3});
    CHECK(std::count(part.begin(), part.end(), 0u) == std::count(part.begin(), part.end(), 3u));
  }
  CHECK(select(own, {.points = {}, .shard = 1, .shards = 2}) == std::vector<std::size_t>{0, 2, 3, 5});
  CHECK(select(own, {.points = {}, .shard = 2, .shards = 2}) == std::vector<std::size_t>{1, 4});
  Plan plain = own;
  plain.collection = false;
  CHECK(first_alike(plain) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("collection: what is wrong is told with its place") {
  const Files files;
  CHECK(files.refused("include = [\"norms.toml\"]\nkind = \"probe\"\n").find("all.toml:2: kind: unknown key") != std::string::npos);
  CHECK(files.refused("include = []\n").find("all.toml:1: include: the list is empty") != std::string::npos);
  CHECK(files.refused("include = \"norms.toml\"\n").find("all.toml:1: include: expected") != std::string::npos);
  CHECK(files.refused("include = [\"none.toml\"]\n").find("none.toml") != std::string::npos);
  CHECK(files.refused("include = [\"norms.toml\", \"norms.toml\"]\n").find("two of the files are called \"norms\"") != std::string::npos);
  files.write("all.toml", all);
  CHECK(files.refused("name = \"x\"\ninclude = [\"all.toml\"]\n").find("all.toml includes other files itself") != std::string::npos);
  files.write("bad.toml", body + claim("spike('nobody') > 1"));
  CHECK(files.refused("include = [\"bad.toml\"]\n").find("bad.toml:6: claim.holds: \"spike('nobody') > 1\": there is no row") !=
        std::string::npos);
}
