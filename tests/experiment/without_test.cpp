// What a device does without is said by the file and by the command line, and both count.
#include "model/json_settings.h"
#include "support/run_request.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("--without adds to what the file's points do without") {
  const TemporaryFolder folder;
  const std::string plan =
      "name = \"n\"\nkind = \"probe\"\nwithout = [\"f16\"]\nmodel = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2}\n"
      "data = {source = \"bigram_backcopy\", symbols = 33}\nprobe = {sequences = 2, seq_len = 8}\n";
  REQUIRE(run_plan(run_request(folder, plan, {}, "storage16")) == 0);
  Settings manifest = settings_from_json(read_text(folder.path() / "runs/n/manifest.json"), "manifest.json");
  CHECK(manifest.tables("points").at(0).table("configuration").get<std::vector<std::string>>("without") ==
        std::vector<std::string>{"f16", "storage16"});
}

TEST_CASE("the file's device is the run's, where nobody says another") {
  const TemporaryFolder folder;
  const std::string plan =
      "name = \"n\"\nkind = \"probe\"\ndevice = 99\nmodel = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2}\n"
      "data = {source = \"bigram_backcopy\", symbols = 33}\nprobe = {sequences = 2, seq_len = 8}\n";
  RunRequest request = run_request(folder, plan);
  request.device = "";
  CHECK_THROWS_WITH(run_plan(request), doctest::Contains("99"));
}
