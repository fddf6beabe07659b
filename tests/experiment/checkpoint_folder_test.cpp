// Which of the folders that a killed save leaves is gone on from.
#include "experiment/run/checkpoint_folder.h"

#include "model/safetensors.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

using namespace ablate;
namespace fs = std::filesystem;

TEST_CASE("the newest complete checkpoint is gone on from: a kill may leave none of that name") {
  const test::TemporaryFolder point;
  const TrainingCheckpoint checkpoint(point.path());
  CHECK_FALSE(checkpoint.saved());
  const auto save = [&](const char* name, const char* step) {
    fs::create_directories(point / name);
    write_safetensors(point / name / "optimizer.safetensors", std::vector<TensorToWrite>(),
                      {{"step", step}, {"settings", R"({"kind": "\"train\""})"}});
  };
  save("checkpoint.old", "10");
  CHECK(checkpoint.saved()->step == 10);
  save("checkpoint.new", "20");
  CHECK(checkpoint.saved()->step == 20);
  fs::create_directories(point / "checkpoint");  // without its optimizer, which is written last
  CHECK(checkpoint.saved()->step == 20);
  save("checkpoint", "15");
  CHECK(checkpoint.saved()->step == 15);
}
