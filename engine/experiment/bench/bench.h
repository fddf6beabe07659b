// Times ops on a device with its own clock, and says how far from the device's floors they are.
#pragma once

#include "graph/graph.h"
#include "vulkan/pipeline.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

class Executor;
class Tuner;

/// The inputs of one benchmarked op; they are filled with repeatable numbers before it runs.
class BenchInputs {
 public:
  explicit BenchInputs(Graph& graph) : graph_(graph) {}
  Tensor floats(Shape shape, DType dtype, float scale = 1.0f);      ///< uniform in [-scale, scale]
  Tensor ints(Shape shape, std::uint32_t limit);                    ///< uniform in [0, limit)
  Tensor activations(Shape shape, DType dtype);                     ///< floats in [-1, 1] whose gradient is wanted in their own type
  Tensor parameters(Shape shape, DType dtype, float scale = 1.0f);  ///< a leaf: its gradient is wanted in f32
  void fill(Executor& executor) const;
  bool any_16_bit() const;
  std::vector<Tensor> gradients() const;  ///< of activations and parameters, after Graph::backward

 private:
  struct Input {
    Tensor tensor;
    float scale;
    std::uint32_t limit;
  };
  Graph& graph_;
  std::vector<Input> inputs_;
  std::vector<Tensor> parameters_;
  std::shared_ptr<std::vector<Tensor>> activation_gradients_ = std::make_shared<std::vector<Tensor>>();
};

/// Adds the dispatches that are measured, and returns their results.
using BenchBody = std::function<std::vector<Tensor>()>;

struct BenchCase {
  std::string op;    ///< "matmul"
  std::string name;  ///< "8192x8192x8192 f16 nt"
  /// Makes the inputs, and whatever must be computed before: a forward pass whose backward pass is measured. Both outlive the body.
  std::function<BenchBody(Graph&, BenchInputs&)> build;
};

/// Body of the backward pass of y alone, seeded with random numbers, to what inputs.activations() and inputs.parameters() made.
BenchBody backward_body(Graph& graph, BenchInputs& inputs, const Tensor& y);

/// An op's file registers the cases that matter for it; the list may depend on the device.
struct BenchRegistration {
  BenchRegistration(const std::string& op, std::function<std::vector<BenchCase>(const Caps&)> cases);
};
/// What activations can be stored as on this device: f32, and f16 and bf16 where it stores 16 bits.
std::vector<DType> activation_types(const Caps& caps);
/// `rows` on a GPU, a sixteenth of them on a CPU.
std::uint32_t rows_for(const Caps& caps, std::uint32_t rows);

std::vector<std::string> bench_ops();
/// Throws InputError naming the known ops.
std::vector<BenchCase> bench_cases(const std::string& op, const Caps& caps);

struct BenchOptions {
  double seconds = 0.5;    ///< to spend measuring, per case and cache state
  bool cold = true;        ///< measure with flushed caches as well
  Tuner* tuner = nullptr;  ///< chooses kernels by timing them; none: every op's default
};

struct BenchResult {
  std::string op, name, kernels;  ///< kernels: the shaders it launched, "matmul/coopmat + matmul/sum_splits"
  Cost cost;
  double warm = 0, cold = 0;  ///< seconds, the median; cold 0: not measured
  double best = 0;            ///< seconds, the fastest warm run
  std::uint32_t runs = 0;
  bool half = false;    ///< it takes 16-bit inputs, so the 16-bit FLOP ceiling holds for it
  std::string failure;  ///< why it did not run on this device; the times are 0 then
};

/// The same op with the same buffers again and again (warm), and after reading so much else that no cache holds them (cold). Times are the
/// device's timestamps around the op's dispatches. An op that the device refuses gives a result with `failure`.
BenchResult measure(Pipelines& pipelines, const BenchCase& bench, const BenchOptions& options);

/// Throws DeviceError with both figures when the device has not so many bytes free.
void require_memory(const Device& device, std::uint64_t bytes);

/// What the device can do at best, measured: bytes per second of a copy (read + write), and FLOP per second of the fastest matrix product.
struct Ceilings {
  double bytes_per_second = 0;
  double flop_per_second = 0, flop_per_second_16 = 0;  ///< of f32 products and of f16 products (0: the device stores no f16)
};

Ceilings measure_ceilings(Pipelines& pipelines, const BenchOptions& options);

/// "matmul 1024x... : 12.3 us, 4.56 TFLOP/s, 78 % of the FLOP floor ..." as a table for the terminal; the floor named is the larger of the
/// two.
std::string format_results(const std::vector<BenchResult>& results, const Ceilings& ceilings);
/// {"device": ..., "ceilings": ..., "results": [...]}
std::string results_to_json(const std::vector<BenchResult>& results, const Ceilings& ceilings, const Caps& caps);

}  // namespace ablate
