// A model's parameters on the device.
#pragma once

#include "graph/executor.h"
#include "model/checkpoint.h"
#include "model/parameters.h"
#include "ops/matrix.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

/// Whether parameters can be trained: then f32 masters, gradients and two moments stand beside what the forward pass reads.
enum class WeightsUse { inference, training };

/// Every parameter lies in a few arenas ("blocks", each within the device's largest allocation), one after the other, so that an optimizer is one
/// pass over each block. A matrix that no allocation holds is cut into parts of its rows. Matrices are read in `compute` type by the forward pass; everything of one dimension stays f32.
class Weights {
 public:
  /// Throws DeviceError naming the bytes when they do not fit. Without `allocate` there is no memory behind them: graphs can be built to be planned,
  /// not run.
  Weights(const Device& device, const TransformerConfig& config, DType compute, WeightsUse use, bool allocate = true);

  const TransformerConfig& config() const { return config_; }
  DType compute_type() const { return compute_; }
  WeightsUse use() const { return use_; }
  bool allocated() const { return allocated_; }

  /// Bytes of device memory such weights take.
  static std::uint64_t bytes_needed(const TransformerConfig& config, DType compute, WeightsUse use);

  /// From a Hugging Face folder, streamed tensor by tensor. Its config must be this one's in all shapes.
  void load(const CheckpointFolder& folder);
  /// From a safetensors file that holds every parameter under its name. Throws InputError naming the first that is missing or misshapen.
  void load(const SafetensorsFile& file);
  /// By a rule of initialization.h.
  void initialize(const std::string& rule, std::uint64_t seed);

  std::vector<float> read(const std::string& name) const;
  void write(const std::string& name, std::span<const float> values);
  /// The gradient of the last backward pass (training only).
  std::vector<float> read_gradient(const std::string& name) const;

  /// Every parameter, ready to be streamed to a safetensors file (f32 masters, or the stored type).
  std::vector<TensorToWrite> tensors_to_write() const;

  /// A run of a parameter's elements that lies in one block.
  struct Part {
    std::uint64_t first = 0, count = 0;  ///< elements of the parameter
    std::size_t block = 0;               ///< of its arena
    std::uint64_t offset = 0;            ///< elements into the block
    std::uint64_t padded = 0;            ///< elements of the block that are its own
  };
  struct Entry {
    ParameterSpec spec;
    bool matrix = false;        ///< read in the compute type
    std::vector<Part> parts{};  ///< whole, or of whole rows, in order
  };
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry& entry(const std::string& name) const;

  /// One arena for the optimizer: `count` elements; empty buffers where not training (or, `mirror`, where compute is f32).
  struct Block {
    std::uint64_t count = 0;
    Buffer master, gradient, m, v, mirror;
  };
  const std::vector<Block>& blocks() const { return blocks_; }
  Transfer& transfer() const { return *transfer_; }

  /// Where the forward pass reads a part of a parameter, and where its gradient goes (0 unless training).
  std::uint64_t address(const Entry& entry, const Part& part) const;
  std::uint64_t gradient_address(const Part& part) const;
  DType type(const Entry& entry) const { return entry.matrix ? compute_ : DType::f32; }

 private:
  void lay_out();
  std::vector<Part> cut(const Entry& entry, std::uint64_t most) const;
  const Buffer& home(const Entry& entry, const Part& part) const;  // the buffer that holds the values of record
  bool half_only(const Entry& entry) const { return use_ == WeightsUse::inference && type(entry) != DType::f32; }
  void write_piece(const Entry& entry, std::uint64_t first, std::span<const float> values);

  const Device& device_;
  TransformerConfig config_;
  DType compute_;
  WeightsUse use_;
  bool allocated_;
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> by_name_;
  std::vector<Block> blocks_;
  std::unique_ptr<Transfer> transfer_;
};

/// The parameters as tensors of one graph; each is one value, however often it is used.
class ParameterTensors {
 public:
  /// `differentiate`: gradients are wanted (the weights must be for training).
  ParameterTensors(Graph& graph, const Weights& weights, bool differentiate = false)
      : graph_(graph), weights_(weights), differentiate_(differentiate) {}

  /// Throws InputError when the parameter lies in several parts, which only matrix() gives.
  const Tensor& operator[](const std::string& name);
  Matrix matrix(const std::string& name) { return Matrix(parts(name)); }
  bool has(const std::string& name) const;
  const TransformerConfig& config() const { return weights_.config(); }

  /// After Graph::backward: makes every gradient end up in its place in the gradient arena, or be added to what is there.
  void place_gradients(bool add);

 private:
  const std::vector<Tensor>& parts(const std::string& name);

  Graph& graph_;
  const Weights& weights_;
  bool differentiate_;
  std::map<std::string, std::vector<Tensor>> tensors_;
};

}  // namespace ablate
