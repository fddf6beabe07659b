// A graph made ready to run on a device: memory planned and allocated, commands recorded once, replayed at every run.
#pragma once

#include "graph/graph.h"
#include "graph/plan.h"
#include "graph/replay.h"
#include "vulkan/buffer.h"
#include "vulkan/recorder.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ablate {

struct ExecutorOptions {
  bool guard = false;    ///< every storage gets its own memory between guard bands; check_guards() finds stray writes. Implies `poison`
  bool poison = false;   ///< memory is pre-filled with NaN
  bool profile = false;  ///< a timestamp after every dispatch; see times()
};

struct DispatchTime {
  std::string label;
  double seconds = 0;
  Cost cost;
};

class Executor {
 public:
  /// Throws InputError when a dispatch does not fit its shader's push constants, DeviceError when memory does not suffice (named storage,
  /// bytes).
  Executor(Pipelines& pipelines, const Graph& graph, const ExecutorOptions& options = {});

  /// Bytes of device memory a graph would take for its intermediates.
  static std::uint64_t memory_needed(const Graph& graph, const Device& device);
  std::uint64_t memory() const { return plan_.bytes; }

  /// Replays the recorded commands and waits; submit() and wait() do it in two steps. Destroying an executor waits too.
  void run();
  void submit();
  void wait();

  /// Host access to a kept tensor (Graph::input, Graph::keep, Graph::external is not ours to touch). Sizes must match.
  void write(const Tensor& to, std::span<const std::byte> data);
  void read(const Tensor& from, std::span<std::byte> data);
  std::vector<float> read_floats(const Tensor& from);  ///< converts from the stored type
  /// Of the values that read_floats() has handed out so far: how many are infinite or NaN, and the name of what the first was read from.
  struct NonFiniteReads {
    std::uint64_t count = 0;
    std::string first;
  };
  const NonFiniteReads& non_finite_reads() const { return non_finite_reads_; }
  std::vector<std::int32_t> read_ints(const Tensor& from);
  void write_floats(const Tensor& to, std::span<const float> data);
  void write_ints(const Tensor& to, std::span<const std::int32_t> data);

  std::uint64_t address(const Tensor& x) const;

  /// Submissions of a run.
  std::size_t pieces() const { return replay_.pieces(); }

  /// Seconds of every dispatch in the last run (with options.profile).
  std::vector<DispatchTime> times() const;

  /// With options.guard: throws RunError naming the first storage whose surroundings were written to.
  void check_guards();

  /// Runs the dispatches one by one and returns the label of the first that wrote a NaN or infinity, with the tensor's storage name. For
  /// diagnosis.
  std::optional<std::string> first_non_finite();

 private:
  struct Place {
    std::size_t block;
    std::uint64_t offset;
  };
  Place place(const Tensor& x) const;
  void record();
  void run_one_by_one();
  void record_dispatch(Recorder& recorder, const Dispatch& dispatch);
  std::array<std::uint32_t, 3> groups_of(const Dispatch& dispatch, const Pipeline& pipeline) const;
  void fill(std::uint32_t word);
  void upload_constants();

  Pipelines& pipelines_;
  const Device& device_;
  const Graph& graph_;
  ExecutorOptions options_;
  MemoryPlan plan_;
  std::vector<Buffer> blocks_;
  Transfer transfer_;
  Replay replay_;
  NonFiniteReads non_finite_reads_;
};

/// What a graph's dispatches run, for Pipelines::prepare().
std::vector<PipelineKey> pipelines_of(const Graph& graph);

}  // namespace ablate
