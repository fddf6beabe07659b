// Every experiment file says what it shows, and can be asked: experiments/**.toml.
#include "base/error.h"
#include "base/file.h"
#include "experiment/run/claimed_metrics.h"
#include "experiment/toml.h"
#include "support/folder.h"
#include "support/places.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace ablate;

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Files that others extend.
std::set<fs::path> extended(const std::vector<fs::path>& files) {
  std::set<fs::path> bases;
  for (const fs::path& file : files) {
    const Value table = parse_toml(read_text(file), file.generic_string());
    if (const Value* base = find(table, "extends")) bases.insert(fs::weakly_canonical(file.parent_path() / to_text(*base)));
  }
  return bases;
}

/// What is wrong with the claims of a plan as `ablate check` reads it; empty if nothing is.
std::string wrong_with(const fs::path& file, const std::vector<std::string>& sets, std::size_t least) {
  Plan plan = read_plan(file, sets);
  settle_claimed_metrics(plan);
  for (const std::string& note : plan.notes)
    if (note.find("--set") != note.npos) return note;
  return plan.claims.size() < least ? "makes no claim" : "";
}

/// Whether the file holds only settings for others: they extend it, and it has no name that results could go by.
bool is_shared(const fs::path& file, const std::set<fs::path>& bases) {
  const Value table = parse_toml(read_text(file), file.generic_string());
  return bases.contains(fs::weakly_canonical(file)) && !find(table, "name");
}

/// Of every file that runs rows, what is wrong with its claims: those that it makes of itself, and those of a checkpoint in its model's place.
std::vector<std::string> faults_in(const fs::path& folder) {
  const std::vector<fs::path> files = files_in(folder);
  const std::set<fs::path> bases = extended(files);
  std::vector<std::string> faults;
  for (const fs::path& file : files) {
    if (is_shared(file, bases)) continue;
    std::string wrong;
    try {
      wrong = wrong_with(file, {}, 1);
      if (wrong.empty() && read_text(file).find("model = \"checkpoint\"") != std::string::npos)
        wrong = wrong_with(file, {"model.checkpoint=somewhere"}, 1);
    } catch (const InputError& error) {
      wrong = error.what();
    }
    if (!wrong.empty()) faults.push_back(file.filename().string() + ": " + wrong);
  }
  return faults;
}

}  // namespace

TEST_CASE("shipped experiments: every file that runs rows makes claims, and every claim can be asked") {
  const fs::path experiments = test::source_folder() / "experiments";
  CHECK(files_in(experiments).size() > 30);
  for (const std::string& fault : faults_in(experiments)) FAIL_CHECK(fault);
}

TEST_CASE("shipped experiments: a file without claims, and one whose claims cannot be asked, is found") {
  const TestFolder folder;
  const std::string body =
      "kind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n";
  const auto claim = [](const std::string& holds, const std::string& model = "") {
    return "[[claim]]\ntext = \"t\"\nholds = \"" + holds + "\"\n" + (model.empty() ? "" : "model = \"" + model + "\"\n");
  };
  folder.write("shared/base.toml", body);
  folder.write("right.toml", "name = \"right\"\nextends = \"shared/base.toml\"\n" + claim("spike('right') > 1"));
  folder.write("whole.toml", "name = \"whole\"\ninclude = [\"right.toml\"]\n");
  CHECK(faults_in(folder.path()).empty());

  const std::string named = "name = \"x\"\n" + body;
  folder.write("a.toml", body);  // no one extends it
  folder.write("b.toml", named);
  folder.write("c.toml", "name = \"c\"\nextends = \"b.toml\"\n" + claim("spike('c') > 1"));  // b has a name, and runs by itself
  folder.write("d.toml", named + claim("spike('y') > 1"));
  folder.write("e.toml", named + claim("train_loss('x') > 1"));
  folder.write("f.toml", named + claim("spike('x') >"));
  folder.write("g.toml", named + claim("spike('x') > 1") + claim("sink_score('x') > 1", "checkpoint"));
  folder.write("h.toml", named + claim("spike('x') > 1", "checkpoint"));
  folder.write("i.toml", "name = \"i\"\ninclude = [\"b.toml\"]\n");
  std::string found;
  for (const std::string& fault : faults_in(folder.path())) found += fault.substr(0, 1);
  CHECK(found == "abdefghi");
}
