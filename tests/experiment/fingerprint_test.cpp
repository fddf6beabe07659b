// What decides a point's numbers: every key does, but for a short list, and so does what its files hold.
#include "experiment/fingerprint.h"

#include "base/error.h"
#include "experiment/results.h"
#include "model/safetensors.h"
#include "report/merge.h"
#include "support/folder.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>

using namespace ablate;
namespace fs = std::filesystem;

namespace {

/// Files that experiments name.
class Files : public TestFolder {
 public:
  Files() {
    write("corpus.txt", "some text");
    write("held_out.txt", "more text");
    write("tokenizer.json", "{}");
    write("first.safetensors", "first weights");
    write("means.safetensors", "means");
    write("ids.bin", "ids");
    write("checkpoint/config.json", "{}");
    write("checkpoint/model.safetensors", "weights");
    write("checkpoint/README.md", "words");
    write("act.comp", "#include <helper.glsl>\nfloat forward(float x) { return factor() * x; }\n");
    write("act_backward.comp", "float backward(float x) { return 2.0; }\n");
    write("helper.glsl", "float factor() { return 2.0; }\n");
  }

  std::string name(const std::string& file) const { return '"' + (path() / file).generic_string() + '"'; }
  Plan plan(const std::string& text, const std::vector<std::string>& sets = {}) const { return read_plan(write("x.toml", text), sets); }

  std::string training() const {
    return "kind = \"train\"\ntitle = \"t\"\ndescription = \"d\"\ndevice = 0\nwithout = [\"f16\"]\nreport = {columns = [\"loss\"]}\n"
           "[model]\nffn = \"mine\"\nloss_positions = [0, 8]\n"
           "[data]\nsource = \"text\"\nfiles = [" +
           name("corpus.txt") + "]\nvalidation = " + name("held_out.txt") + "\ntokenizer = " + name("tokenizer.json") +
           "\n[train]\ninit = " + name("first.safetensors") +
           "\n[probe]\nstatistics = [\"geometry\", \"means\", \"massive\"]\nmeans = {at = [\"residual.*\"]}\n"
           "[shaders.mine]\nkind = \"activation\"\nforward = \"act.comp\"\nbackward = \"act_backward.comp\"\nconstants = {limit = 3.0}\n";
  }
  std::string study() const {
    return "kind = \"intervene\"\n[model]\ncheckpoint = " + name("checkpoint") +
           "\n[data]\nsource = \"tokens\"\nfile = " + name("ids.bin") +
           "\n[[intervention]]\nat = \"block.2\"\ndo = \"zero\"\nchannels = [1, 2]\n[[intervention]]\nat = [\"residual.1\"]\ndo = \"mean\"\nstatistics = " +
           name("means.safetensors") + "\n";
  }
  std::string planted() const {
    return "kind = \"probe\"\n[model]\npreset = \"planted\"\n[data]\nsource = \"bigram_backcopy\"\ntext = " + name("corpus.txt") + "\n";
  }
};

std::string hash_of(const Plan& plan, std::size_t point = 0) { return fingerprint_of(plan, plan.points.at(point)).hash(); }

/// Calls `visit` with the dotted name of every value below `value` that is neither a table nor a list of tables.
void walk(Value& value, const std::string& name, const std::function<void(const std::string&, Value&)>& visit) {
  auto* list = value.as<Value::Array>();
  if (auto* table = value.as<Value::Table>()) {
    for (auto& [key, item] : *table) walk(item, name.empty() ? key : name + "." + key, visit);
  } else if (list && !list->empty() && list->front().as<Value::Table>()) {
    for (Value& item : *list) walk(item, name + "[]", visit);
  } else {
    visit(name, value);
  }
}

/// Another value of the same type.
void change(Value& value) {
  value.files.clear();
  if (auto* flag = value.as<bool>()) *flag = !*flag;
  else if (auto* integer = value.as<std::int64_t>()) *integer += 1;
  else if (auto* number = value.as<double>()) *number += 0.25;
  else if (auto* text = value.as<std::string>()) *text += "x";
  else if (auto* list = value.as<Value::Array>()) list->push_back({std::int64_t{7}, ""});
  else FAIL("a value without a type");
}

}  // namespace

TEST_CASE("fingerprint: every key of a resolved plan counts, but for those that are known not to matter") {
  const Files files;
  const std::set<std::string> without = {"name",
                                         "title",
                                         "description",
                                         "device",
                                         "report.columns",
                                         "train.log_every",
                                         "train.checkpoint_every",
                                         "train.checkpoint_minutes",
                                         "train.checkpoint_keep",
                                         "train.recompute"};
  std::set<std::string> seen, ignored;
  for (const std::string& text : {files.training(), files.study(), files.planted()}) {
    const Value resolved = resolve(files.plan(text).points.at(0));
    const std::string whole = fingerprint_of_table(resolved).hash();
    Value copy = resolved;
    walk(copy, "", [&](const std::string& name, Value& value) {
      CAPTURE(name);
      const Value before = value;
      change(value);
      if (fingerprint_of_table(copy).hash() == whole) ignored.insert(name);
      CHECK_MESSAGE((fingerprint_of_table(copy).hash() == whole) == without.contains(name), name);
      value = before;
      seen.insert(name);
    });
  }
  CHECK(ignored == without);
  for (const char* key : {"kind", "seed", "without", "model.norm", "model.ffn", "data.source", "data.files", "train.lr", "train.init_rule",
                          "probe.sink_epsilon", "probe.means.at", "shaders.mine.constants.limit", "intervention[].channels",
                          "model.checkpoint", "model.preset"})
    CHECK_MESSAGE(seen.contains(key), key);
  CHECK(seen.size() > 100);
}

TEST_CASE("fingerprint: what files hold counts, not what they are called") {
  const Files files;
  const auto counts = [&](const std::string& text, const std::string& file, const std::string& content, bool expected = true) {
    CAPTURE(file);
    const Plan plan = files.plan(text);
    const std::string before = hash_of(plan), kept = read_text(files.path() / file);
    files.write(file, content);
    CHECK((hash_of(plan) != before) == expected);
    files.write(file, kept);
    CHECK(hash_of(plan) == before);
  };
  for (const char* file : {"corpus.txt", "held_out.txt", "tokenizer.json", "first.safetensors"}) counts(files.training(), file, "another");
  counts(files.training(), "act.comp", "#include \"helper.glsl\"\nfloat forward(float x) { return factor() + x; }\n");
  counts(files.training(), "act_backward.comp", "float backward(float x) { return 3.0; }\n");
  counts(files.training(), "helper.glsl", "float factor() { return 4.0; }\n");
  for (const char* file : {"checkpoint/config.json", "checkpoint/model.safetensors", "ids.bin", "means.safetensors"})
    counts(files.study(), file, "another");
  counts(files.study(), "checkpoint/README.md", "other words", false);
  counts(files.planted(), "corpus.txt", "another");

  files.write("moved/copy.txt", "some text");
  const std::string moved = "data.files=[" + files.name("moved/copy.txt") + "]";
  CHECK(hash_of(files.plan(files.training(), {moved})) == hash_of(files.plan(files.training())));
  fs::remove(files.path() / "corpus.txt");
  CHECK_THROWS_WITH_AS(hash_of(files.plan(files.training())), doctest::Contains("corpus.txt: cannot be opened"), InputError);
}

TEST_CASE("fingerprint: the hash is of keys and values, and leaves out tables with what lies in them") {
  using Facts = Fingerprint::Facts;
  const auto hash = [](const Facts& facts, const std::vector<std::string>& without = {}) { return Fingerprint(facts).hash(without); };
  CHECK(hash({{"a", "1"}}) != hash({{"b", "1"}}));
  CHECK(hash({{"a", "1"}}) != hash({{"a", "2"}}));
  CHECK(hash({{"data", "1"}, {"data.seed", "2"}, {"data[1].seed", "3"}, {"database", "4"}}, {"data"}) == hash({{"database", "4"}}));
  const Files files;
  CHECK(fingerprint_of_table(resolve(files.plan(files.planted()).points.at(0))).get("arithmetic").starts_with("version "));
}

TEST_CASE("fingerprint: only a training goes on to other steps") {
  const auto of = [](const char* kind, const char* steps) {
    return Fingerprint(Fingerprint::Facts{{"kind", kind}, {"train.schedule", "\"constant\""}, {"train.steps", steps}});
  };
  CHECK_FALSE(require_continuable(of("\"train\"", "50"), of("\"train\"", "60"), 50, "p"));
  CHECK_THROWS_AS(require_continuable(of("\"probe\"", "50"), of("\"probe\"", "60"), 50, "p"), InputError);
}

TEST_CASE("fingerprint: content that was not read may be any content, and nothing else") {
  const auto of = [](const char* value) { return Fingerprint(Fingerprint::Facts{{"data.files", value}}); };
  CHECK(differences(of("content not read"), of("content 00ff")).empty());
  CHECK(differences(of("content 00ff"), of("content not read")).empty());
  CHECK(differences(of("content 00ff"), of("content 00fe")).size() == 1);
  CHECK(differences(of("content not read"), of("\"bytes\"")).size() == 1);
  CHECK(differences(of("\"bytes\""), of("content not read")).size() == 1);
  CHECK(completed(of("content not read"), of("content 00ff")).facts() == of("content 00ff").facts());
  CHECK(completed(of("content 00fe"), of("content 00ff")).facts() == of("content 00fe").facts());
  const Files files;
  files.write("unread.txt", "nobody has read this");
  const Plan plan =
      files.plan("kind = \"train\"\n[data]\nsource = \"text\"\ntokenizer = \"bytes\"\nfiles = " + files.name("unread.txt") + "\n");
  CHECK(fingerprint_of(plan, plan.points[0], FileContents::if_known).get("data.files") == "content not read");
}

TEST_CASE("fingerprint: a point that failed may go on to fewer steps") {
  const Files files;
  const std::string text =
      "name = \"r\"\nkind = \"train\"\n[data]\nsource = \"bigram_backcopy\"\n[train]\nschedule = \"constant\"\nsteps = 50\n";
  const Plan plan = files.plan(text);
  Row failed = row_of(plan.points[0], {});
  failed.error = "out of memory";
  {
    ResultsFolder results(files.path(), plan, false);
    results.add(failed);
    results.write_manifest({}, {}, 1);
  }
  CHECK(ResultsFolder(files.path(), files.plan(text, {"train.steps=20"}), true).rows().empty());
}

TEST_CASE("fingerprint: a default that is written out is no other setting") {
  const Files files;
  const std::string plain = hash_of(files.plan(files.planted()));
  for (const char* set : {"train.init_rule=paper", "seed=0", "probe.top_k=3", "data.triggers=3", "probe.statistics=[]"})
    CHECK_MESSAGE(hash_of(files.plan(files.planted(), {set})) == plain, set);
  CHECK(hash_of(files.plan(files.planted(), {"title=words"})) == plain);
}

TEST_CASE("fingerprint: statistics of another point are what that point is") {
  const Files files;
  const std::string text =
      "kind = \"intervene\"\n[model]\npreset = \"planted\"\n[data]\nsource = \"bigram_backcopy\"\n[[variant]]\nname = \"record\"\nkind = \"probe\"\n"
      "probe.sequences = 5\nprobe.statistics = [\"means\"]\nprobe.means.at = [\"block.2\"]\n"
      "[[variant]]\nname = \"use\"\nintervention = [{at = \"block.2\", do = \"mean\", statistics = \"@01-record\"}]\n";
  const Plan plan = files.plan(text);
  std::string other = text;
  other.replace(other.find("= 5"), 3, "= 6");
  const auto all = differences(fingerprint_of(plan, plan.points.at(1)), fingerprint_of(files.plan(other), files.plan(other).points.at(1)));
  REQUIRE(all.size() == 1);
  CHECK(all[0].key == "intervention[1].statistics of that point");
}

TEST_CASE("fingerprint: text and back; what is none is refused, not guessed") {
  const Files files;
  const Plan plan = files.plan(files.training());
  const Fingerprint fingerprint = fingerprint_of(plan, plan.points[0]);
  CHECK(Fingerprint::parse(fingerprint.text(), "x").facts() == fingerprint.facts());
  for (const char* text : {"", "null", "\"00ff00ff00ff00ff\"", "{}", "{\"a\": 1}", "{\"a\": "})
    CHECK_THROWS_WITH_AS(Fingerprint::parse(text, "row.json"),
                         doctest::Contains("row.json: of a version that did not note which settings made it"), InputError);
}

TEST_CASE("fingerprint: what was made with other settings is named, and only more steps of a constant schedule may be") {
  const Files files;
  const auto of = [&](const std::vector<std::string>& sets) {
    const Plan plan = files.plan("kind = \"train\"\n[data]\nsource = \"bigram_backcopy\"\n", sets);
    return fingerprint_of(plan, plan.points[0]);
  };
  const auto refusal = [&](const std::vector<std::string>& was, const std::vector<std::string>& is, std::int64_t done) -> std::string {
    try {
      return require_continuable(of(was), of(is), done, "p") ? "same" : "continued";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  CHECK(refusal({}, {"train.log_every=7", "title=other"}, 10) == "same");
  CHECK(refusal({}, {"train.lr=1e-2", "seed=77"}, 10) ==
        "p: made with other settings, seed: 0 -> 77, train.lr: 0.0003 -> 0.01: give another --out, or run without --resume");
  CHECK(
      refusal({"train.steps=50"}, {"train.steps=60"}, 50) ==
      "p: made with other settings, train.steps: 50 -> 60 (its schedule's rates depend on it; under a constant one it could change): give another --out, or run "
      "without --resume");
  const std::string constant = "train.schedule=constant";
  CHECK(refusal({constant, "train.steps=50"}, {constant, "train.steps=60"}, 50) == "continued");
  CHECK(refusal({constant, "train.steps=50"}, {constant, "train.steps=40"}, 40) == "continued");
  CHECK(refusal({constant, "train.steps=50"}, {constant, "train.steps=40"}, 41) ==
        "p: made with other settings, train.steps: 50 -> 40 (41 steps are done): give another --out, or run without --resume");
  CHECK(refusal({constant, "train.steps=50"}, {constant, "train.steps=60", "seed=1"}, 50).find("seed: 0 -> 1, train.steps: 50 -> 60") !=
        std::string::npos);
  CHECK(refusal({}, {"kind=probe", "probe.seq_len=8"}, 0).find("probe.seq_len: 0 -> 8") != std::string::npos);
}

TEST_CASE("fingerprint: a sweep keeps once what its points share") {
  const Files files;
  const Plan plan = files.plan("kind = \"train\"\n[data]\nsource = \"bigram_backcopy\"\n[sweep]\nseed = [1, 2]\n");
  const SweepFingerprints sweep = sweep_fingerprints(plan);
  CHECK(sweep.own().at(plan.points[1].id) == Fingerprint::Facts{{"seed", "2"}});
  for (const Point& point : plan.points) CHECK(sweep.at(point.id).facts() == fingerprint_of(plan, point).facts());
  SweepFingerprints longer = sweep;
  longer.add("03-more", Fingerprint(Fingerprint::Facts{{"seed", "3"}}));
  CHECK(longer.at("03-more").facts() == Fingerprint::Facts{{"seed", "3"}});
  for (const Point& point : plan.points) CHECK(longer.at(point.id).facts() == sweep.at(point.id).facts());
  CHECK_FALSE(first_conflict(sweep, longer));
  longer.add(plan.points[1].id, Fingerprint(Fingerprint::Facts{{"seed", "3"}}));
  REQUIRE(first_conflict(sweep, longer));
  CHECK(first_conflict(sweep, longer)->first == plan.points[1].id);
}

TEST_CASE("fingerprint: a training checkpoint of other settings is refused before anything is touched") {
  const Files files;
  const std::string text =
      "name = \"r\"\nkind = \"train\"\n[data]\nsource = \"bigram_backcopy\"\n[train]\nschedule = \"constant\"\nsteps = 50\n";
  const Plan plan = files.plan(text);
  const fs::path out = files.path() / "out", checkpoint = out / "r/points/01-r/checkpoint";
  fs::create_directories(checkpoint);
  write_atomically(out / "r/manifest.json", "{\"experiment\": \"r\", \"points\": []}");  // what makes the folder a run's
  const auto save = [&](const Metadata& notes) {
    write_safetensors(checkpoint / "optimizer.safetensors", std::vector<TensorToWrite>(), notes);
  };
  save({{"step", "20"}, {"settings", fingerprint_of(plan, plan.points[0]).text()}});
  CHECK(ResultsFolder(out, plan, true).notes().empty());
  CHECK(ResultsFolder(out, files.plan(text, {"train.steps=80"}), true).notes() ==
        std::vector<std::string>{"r: 20 steps are done; goes on to 80 instead of 50"});
  CHECK_THROWS_WITH_AS(ResultsFolder(out, files.plan(text, {"train.steps=19"}), true),
                       doctest::Contains("train.steps: 50 -> 19 (20 steps are done)"), InputError);
  CHECK_THROWS_WITH_AS(ResultsFolder(out, files.plan(text, {"train.batch=8"}), true),
                       doctest::Contains("checkpoint: made with other settings, train.batch: 32 -> 8: give"), InputError);
  save({{"step", "20"}});
  CHECK_THROWS_WITH_AS(ResultsFolder(out, plan, true), doctest::Contains("did not note which settings made it"), InputError);
  CHECK_FALSE(fs::exists(out / "r/results.json"));
}

TEST_CASE("fingerprint: parts of a sweep that other settings made do not merge") {
  const Files files;
  const std::string text = "name = \"m\"\nkind = \"train\"\n[data]\nsource = \"text\"\nfiles = " + files.name("corpus.txt") +
                           "\ntokenizer = \"bytes\"\n[sweep]\nseed = [1, 2]\n";
  // A run of one of the two points.
  const auto part = [&](const char* folder, std::size_t point, const std::vector<std::string>& sets = {}) {
    const Plan plan = files.plan(text, sets);
    ResultsFolder results(files.path() / folder, plan, false);
    results.add(row_of(plan.points.at(point), {{"loss", 1.0}}));
    results.flush();
    results.write_manifest({}, {}, 1);
    return results.path();
  };
  const fs::path one = part("a", 0), two = part("b", 1), faster = part("c", 1, {"train.lr=1e-2"});
  report::merge_runs({one, two}, files.path() / "whole");
  CHECK(read_results(files.path() / "whole/results.json").rows.size() == 2);
  CHECK(ResultsFolder(files.path(), files.plan(text + "", {"name=whole"}), true).rows().size() == 2);  // and the whole can be resumed
  CHECK_THROWS_WITH_AS(
      report::merge_runs({one, faster}, files.path() / "no"),
      doctest::Contains("c/m: point 01-seed-1 has other settings here than in an earlier folder: train.lr: 0.0003 -> 0.01"), InputError);
  CHECK(report::side_by_side({report::read_run(one), report::read_run(two)}).size() == 1);
  CHECK(report::side_by_side({report::read_run(one), report::read_run(faster)}).size() == 2);
  files.write("corpus.txt", "other text");
  CHECK_THROWS_WITH_AS(report::merge_runs({one, part("d", 1)}, files.path() / "no"), doctest::Contains("data.files: content "), InputError);
  write_atomically(two / "points/02-seed-2/row.json",
                   std::string_view(R"({"point": {"id": "02-seed-2", "label": ""}, "metrics": {}, "settings": "00ff"})"));
  CHECK_THROWS_WITH_AS(report::merge_runs({one, two}, files.path() / "no"), doctest::Contains("did not note which settings made it"),
                       InputError);
  CHECK_FALSE(fs::exists(files.path() / "no"));
}

TEST_CASE("parts of a sweep add up: the row that was made, and the time of all") {
  const Files files;
  const std::string text = "name = \"m\"\nkind = \"train\"\n[data]\nsource = \"bigram_backcopy\"\n[sweep]\nseed = [1, 2]\n";
  const Plan plan = files.plan(text);
  const auto part = [&](const char* folder, const std::string& error) {
    ResultsFolder results(files.path() / folder, plan, false);
    Row row = row_of(plan.points.at(0), {});
    row.error = error;
    if (error.empty()) row.metrics.set("loss", 1.0);
    results.add(row);
    results.flush();
    results.write_manifest({}, {}, 1.5);
    return results.path();
  };
  const fs::path failed = part("a", "out of memory"), done = part("b", "");
  CHECK(report::read_run(failed).rows.at(0).state == report::Row::State::failed);
  for (const auto& parts : {std::vector{failed, done}, {done, failed}}) {
    const fs::path whole = files.path() / "whole";
    fs::remove_all(whole);
    report::merge_runs(parts, whole);
    REQUIRE(read_results(whole / "results.json").rows.size() == 1);
    CHECK(read_results(whole / "results.json").rows[0].error.empty());
    CHECK(read_text(whole / "manifest.json").find("\"wall_seconds\": 3.0") != std::string::npos);
    const auto joined = report::side_by_side({report::read_run(parts[0]), report::read_run(parts[1])});
    REQUIRE(joined.size() == 1);
    CHECK(joined[0].rows.at(0).state == report::Row::State::done);
  }
}

TEST_CASE("fingerprint: rows of points that are to go on, or of another plan, are in no results and in no report") {
  const Files files;
  const std::string text =
      "name = \"r\"\nkind = \"train\"\n[data]\nsource = \"bigram_backcopy\"\n[train]\nschedule = \"constant\"\nsteps = 50\n";
  const std::string two = "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\n",
                    other = "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"c\"\n";
  const auto take_up = [&](const Plan& plan, bool resume) {
    ResultsFolder results(files.path(), plan, resume);
    for (std::size_t i = 0; i < 2 && !resume; ++i) results.add(row_of(plan.points.at(i), {{"loss", 1.0}}));
    results.write_manifest({}, {}, 1);
  };
  const auto rows_in = [&](auto&& wanted) {
    std::string ids;
    for (const auto& row : report::read_run(files.path() / "r").rows) ids += wanted(row) ? row.id + " " : "";
    return ids;
  };
  const auto done = [](const report::Row& row) { return row.state == report::Row::State::done; };
  take_up(files.plan(text + two), false);
  CHECK(rows_in(done) == "01-a 02-b ");
  take_up(files.plan(text + other), true);
  CHECK(read_results(files.path() / "r/results.json").rows.size() == 1);
  CHECK(rows_in(done) == "01-a ");
  CHECK(report::read_run(files.path() / "r").missing.at(0) == "Left out, because other settings made them: 02-b.");
  take_up(files.plan(text + other, {"train.steps=60"}), true);
  CHECK(read_results(files.path() / "r/results.json").rows.empty());
  CHECK(rows_in(done).empty());
  CHECK(rows_in([](const report::Row&) { return true; }) == "01-a 02-c ");
}
