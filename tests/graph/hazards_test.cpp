// Between two dispatches that touch the same bytes, one of them writing, there is a barrier: shown on what the executor recorded, for every training
// variant. Synchronization validation cannot: it does not follow buffer addresses.
#include "base/file.h"
#include "model/config.h"
#include "model/json_settings.h"
#include "ops/add.h"
#include "ops/scale.h"
#include "support/command_log.h"
#include "support/device.h"
#include "support/golden.h"
#include "train/data/random_tokens.h"
#include "train/trainer.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

using namespace ablate;
using namespace ablate::test;

namespace {

/// Of a device that is given a step as one submission, however slow it may have shown itself.
Pipelines& pipelines_without_haste() {
  const Device& usual = test::pipelines().device();
  const char* without = std::getenv("ABLATE_TEST_WITHOUT");
  static const Device device(
      usual.instance(), {.choice = usual.caps().device_name, .without = fmt::format("{},submission=1000000000", without ? without : "")});
  static Pipelines all(device);
  return all;
}

struct Touched {
  std::uint64_t begin, end;
  bool writes;
  std::string label;
};

/// What a recorded dispatch of the graph touches: addresses as the device gets them, sizes as the graph has them, and whether it writes as
/// its shader declares.
std::vector<Touched> touched_by(const Dispatch& dispatch, const Reflection& reflection, const RecordedCommand& command) {
  std::vector<Touched> all;
  for (std::size_t i = 0; i < dispatch.push.size(); ++i) {
    const Tensor& tensor = dispatch.push[i].tensor;
    if (dispatch.push[i].kind != 'p' || !tensor) continue;
    std::uint64_t address = 0;
    REQUIRE(reflection.push.at(i).offset + sizeof(address) <= command.push.size());
    std::memcpy(&address, command.push.data() + reflection.push[i].offset, sizeof(address));
    const bool writes = reflection.push[i].access != Access::read && reflection.push[i].access != Access::none;
    all.push_back({address, address + tensor.bytes(), writes, dispatch.label});
  }
  return all;
}

/// A graph with what was recorded of it, each dispatch with what it touches.
struct Recording {
  std::vector<std::vector<Touched>> commands;  // of a barrier: empty
  std::vector<std::size_t> barriers;           // indices of those between dispatches

  Recording(const Graph& graph, const std::vector<RecordedCommand>& recorded) {
    std::size_t next = 0;
    for (const RecordedCommand& command : recorded) {
      if (command.kind == RecordedCommand::barrier) {
        if (next > 0 && next < graph.dispatches().size()) barriers.push_back(commands.size());
        commands.emplace_back();
        continue;
      }
      REQUIRE(next < graph.dispatches().size());
      const Dispatch& dispatch = graph.dispatches()[next++];
      commands.push_back(touched_by(dispatch, pipelines_without_haste().library().find(dispatch.shader).reflection, command));
      REQUIRE(!commands.back().empty());
    }
    REQUIRE(next == graph.dispatches().size());
  }

  /// "A and B" of the first two dispatches that need a barrier between them and have none; "" if there are none. The command `without` counts as
  /// left out.
  std::string first_hazard(std::size_t without = ~std::size_t{0}) const {
    std::vector<const Touched*> since;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (i == without) continue;
      if (commands[i].empty()) since.clear();
      for (const Touched& now : commands[i])
        for (const Touched* before : since)
          if ((now.writes || before->writes) && now.begin < before->end && before->begin < now.end)
            return before->label + " and " + now.label;
      for (const Touched& now : commands[i]) since.push_back(&now);
    }
    return "";
  }
};

void check_recording(const Graph& graph, const std::vector<RecordedCommand>& recorded) {
  const Recording recording(graph, recorded);
  CHECK(recording.first_hazard() == "");
  REQUIRE(!recording.barriers.empty());
  for (const std::size_t barrier : recording.barriers) {  // none is there for nothing, and each that is missing is found
    CAPTURE(barrier);
    CHECK(recording.first_hazard(barrier) != "");
  }
}

void check_training(const TransformerConfig& config, TrainSettings settings, DType type) {
  const CommandLog log(pipelines_without_haste().device());
  const RandomTokens data(config.vocab_size);
  Weights weights(pipelines_without_haste().device(), config, type, WeightsUse::training);
  const Trainer trainer(pipelines_without_haste(), weights, data, settings, type);
  check_recording(trainer.graph(), log.longest());
}

}  // namespace

TEST_CASE("barriers of every training variant") {
  const Settings index = settings_from_json(read_text(golden_folder() / "train" / "index.json"), "index.json");
  int variants = 0;
  for (const std::string& variant : index.keys()) {
    CAPTURE(variant);
    Settings all = index, entry = all.table(variant), table = entry.table("config");
    const TransformerConfig config = TransformerConfig::from(table);
    TrainSettings settings;
    settings.batch = 4, settings.seq_len = 12;
    check_training(config, settings, DType::f32);
    if (pipelines_without_haste().device().caps().storage16) check_training(config, settings, DType::f16);
    settings.accumulate = 2;
    settings.optimizer = "sgd";
    check_training(config, settings, DType::f32);
    ++variants;
  }
  CHECK(variants == 27);
  if (!pipelines().device().caps().storage16) skip("barriers of every training variant: f16", "no 16-bit storage");
}

TEST_CASE("a read after a write, a write after a read and a write after a write are each ordered") {
  Graph graph(pipelines_without_haste().device().caps());
  const Tensor x = graph.input("x", {64}, DType::f32);
  const Tensor a = scale(graph, x, 2), b = scale(graph, a, 3);     // b reads what a was written to
  const Tensor c = graph.keep(add(graph, scale(graph, b, 5), b));  // b dies here: its memory, or a's, is written again
  graph.keep(add(graph, c, x));
  const CommandLog log(pipelines_without_haste().device());
  const Executor executor(pipelines_without_haste(), graph);
  check_recording(graph, log.longest());
}

TEST_CASE("dispatches that share nothing, or only read, have no barrier between them") {
  Graph graph(pipelines_without_haste().device().caps());
  const Tensor x = graph.input("x", {64}, DType::f32);
  for (int i = 0; i < 4; ++i) graph.keep(scale(graph, x, static_cast<float>(i)));
  const CommandLog log(pipelines_without_haste().device());
  const Executor executor(pipelines_without_haste(), graph);
  const Recording recording(graph, log.longest());
  CHECK(recording.first_hazard() == "");
  CHECK(recording.barriers.empty());
}

// Of two command buffers that run one after the other the second reads what the first wrote.
TEST_CASE("a command buffer begins with a barrier") {
  Graph graph(pipelines_without_haste().device().caps());
  graph.keep(scale(graph, graph.input("x", {64}, DType::f32), 2));
  const CommandLog log(pipelines_without_haste().device());
  const Executor executor(pipelines_without_haste(), graph);
  REQUIRE(log.longest().size() >= 2);
  CHECK(log.longest().front().kind == RecordedCommand::barrier);
}
