// Checkpoints beside the training: what is written is what was there when it was asked for, and what fails is told.
#include "experiment/run/checkpoint_writer.h"

#include "base/error.h"
#include "model/safetensors.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <thread>

using namespace ablate;
namespace fs = std::filesystem;

namespace {

/// A checkpoint of one parameter that stands at `value` when it is read.
CheckpointContent content(int step, const float& value) {
  TransformerConfig config;
  config.norm = "dyt";  // no architecture of others: parameters are written as they are
  return {config,
          {{"model.norm.weight", "F32", {1}, [&value](const ByteSink& sink) { sink(std::as_bytes(std::span(&value, 1))); }}},
          {},
          {{"step", std::to_string(step)}, {"settings", R"({"kind": "\"train\""})"}}};
}

std::set<std::string> names(const fs::path& folder) {
  std::set<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder)) all.insert(entry.path().filename().string());
  return all;
}

float written(const fs::path& folder) { return SafetensorsFile(folder / "model.safetensors").at("model.norm.weight").floats().at(0); }

}  // namespace

TEST_CASE("a checkpoint is what there was when it was asked for, however the training goes on") {
  const test::TemporaryFolder point;
  const TrainingCheckpoint checkpoint(point.path());
  CheckpointWriter writer(checkpoint);
  float value = 1;
  CheckpointContent now = content(10, value);
  now.weights.front().produce = [&, asked = std::this_thread::get_id()](const ByteSink& sink) {
    CHECK(std::this_thread::get_id() == asked);  // a later moment may be another step's
    sink(std::as_bytes(std::span(&value, 1)));
  };
  writer.start(now);
  value = 2;
  writer.finish();
  CHECK_FALSE(writer.busy());
  CHECK(written(point / "checkpoint") == 1.0f);
  CHECK(checkpoint.saved()->step == 10);
  CHECK(names(point.path()) == std::set<std::string>{"checkpoint"});
}

TEST_CASE("so many checkpoints stay, the oldest go first") {
  const test::TemporaryFolder point;
  const float value = 1;
  const auto save = [&](int step, int keep) { TrainingCheckpoint(point.path(), keep).save(content(step, value)); };
  for (const int step : {9, 10, 100, 120}) save(step, 3);
  CHECK(names(point.path()) == std::set<std::string>{"checkpoint", "checkpoint-10", "checkpoint-100"});
  CHECK(TrainingCheckpoint(point.path()).saved()->step == 120);
  fs::create_directory(point / "checkpoint-mine");  // nobody's business
  // A kill between the renames: the last checkpoint is the new one, and the one before is kept by the next.
  fs::rename(point / "checkpoint", point / "checkpoint.old");
  save(130, 3);
  save(140, 3);
  CHECK(names(point.path()) == std::set<std::string>{"checkpoint", "checkpoint-130", "checkpoint-120", "checkpoint-mine"});
  save(150, 1);
  CHECK(names(point.path()) == std::set<std::string>{"checkpoint", "checkpoint-mine"});
}

TEST_CASE("what goes wrong beside the training is thrown by the next call") {
  const test::TemporaryFolder point;
  float value = 1;
  const TrainingCheckpoint checkpoint(point.path());
  checkpoint.save(content(10, value));
  write_atomically(point / "checkpoint.new", std::string_view("in the way"));
  const TrainingCheckpoint nowhere(point / "checkpoint.new");  // no folder can be made in a file
  CheckpointWriter writer(nowhere);
  writer.start(content(20, value));
  CHECK_THROWS_WITH_AS(writer.finish(), doctest::Contains("checkpoint"), RunError);
  CHECK_FALSE(writer.busy());  // once
  writer.start(content(20, value));
  const auto poll = [&] {
    while (writer.busy()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  CHECK_THROWS_AS(poll(), RunError);
  CHECK(checkpoint.saved()->step == 10);
}

TEST_CASE("the training waits for the copy and not for the disk") {
  const test::TemporaryFolder point;
  const TrainingCheckpoint checkpoint(point.path());
  const std::vector<float> values(16 << 20, 1.0f);  // 64 MiB
  CheckpointContent large = content(10, values[0]);
  large.weights.front().shape = {static_cast<std::int64_t>(values.size())};
  large.weights.front().produce = [&](const ByteSink& sink) { sink(std::as_bytes(std::span(values))); };
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const CheckpointContent copy = large.copied();
  const auto copied = Clock::now();
  CheckpointWriter writer(checkpoint);
  writer.start(large);
  const auto returned = Clock::now();
  writer.finish();
  const auto finished = Clock::now();
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  MESSAGE("copied in " << seconds(copied - start) << " s, start returned after " << seconds(returned - copied) << " s, written after "
                       << seconds(finished - copied) << " s");
  CHECK(seconds(returned - copied) < seconds(finished - copied));
  CHECK(SafetensorsFile(point / "checkpoint" / "model.safetensors").at("model.norm.weight").elements() == std::ssize(values));
}
