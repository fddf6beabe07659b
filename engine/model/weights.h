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

/// What the forward pass reads matrices as.
struct WeightTypes {
  DType plain = DType::f32;                            ///< f32, f16 or bf16: all but
  std::map<std::string, DType, std::less<>> blocks{};  ///< those that are kept in a storage format, by name (inference only)

  WeightTypes(DType plain = DType::f32) : plain(plain) {}
  DType of(const ParameterSpec& parameter) const;
};

/// As the checkpoint stores them: what is in blocks stays so.
WeightTypes types_as_stored(const CheckpointFolder& folder);
/// Every matrix in one storage format, and `plain` for what cannot be. Throws InputError "where: ..." naming a matrix whose rows are no whole blocks.
WeightTypes types_in_blocks(const TransformerConfig& config, DType format, DType plain, const std::string& where);

/// Every parameter lies in a few arenas (each within the device's largest allocation), one after the other, so that an optimizer is one
/// pass over each arena. A matrix that no allocation holds is cut into parts of its rows. Matrices are read as WeightTypes says by the forward pass;
/// everything of one dimension stays f32.
class Weights {
 public:
  /// Throws DeviceError naming the bytes when they do not fit. Without `allocate` there is no memory behind them: graphs can be built to be planned,
  /// not run.
  Weights(const Device& device, const TransformerConfig& config, const WeightTypes& types, WeightsUse use, bool allocate = true);

  const TransformerConfig& config() const { return config_; }
  DType compute_type() const { return types_.plain; }
  WeightsUse use() const { return use_; }
  bool allocated() const { return allocated_; }

  /// Bytes of device memory these take, and such weights would take.
  std::uint64_t bytes() const;
  static std::uint64_t bytes_needed(const TransformerConfig& config, DType compute, WeightsUse use);

  /// From a Hugging Face folder, streamed tensor by tensor. Its config must be this one's in all shapes.
  void load(const CheckpointFolder& folder);
  /// From a safetensors file that holds every parameter under its name. Throws InputError naming the first that is missing or misshapen.
  void load(const SafetensorsFile& file);
  /// By a rule of initialization.h.
  void initialize(const std::string& rule, std::uint64_t seed);

  /// Blocks are decoded.
  std::vector<float> read(const std::string& name) const;
  /// Throws InputError naming the parameter where it is kept in a format that is only read, or that cannot hold the values.
  void write(const std::string& name, std::span<const float> values);
  /// The gradient of the last backward pass (training only).
  std::vector<float> read_gradient(const std::string& name) const;

  /// Every parameter, ready to be streamed to a safetensors file (f32 masters, or the stored type; f32 for blocks).
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
    DType type = DType::f32;    ///< that the forward pass reads
    std::vector<Part> parts{};  ///< whole, or of whole rows, in order
  };
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry& entry(const std::string& name) const;

  /// One arena for the optimizer: `count` elements; empty buffers where not training (or, `mirror`, where matrices are f32). In inference what it holds is all
  /// of one type: `master` where that is f32, else `mirror`.
  struct Block {
    DType type = DType::f32;  ///< of the mirror, if there is one
    std::uint64_t count = 0;
    Buffer master, gradient, m, v, mirror;
  };
  const std::vector<Block>& blocks() const { return blocks_; }
  Transfer& transfer() const { return *transfer_; }

  /// Where the forward pass reads a part of a parameter, and where its gradient goes (0 unless training).
  std::uint64_t address(const Entry& entry, const Part& part) const;
  std::uint64_t gradient_address(const Part& part) const;
  DType type(const Entry& entry) const { return entry.type; }

 private:
  void lay_out();
  std::vector<Part> cut(const Entry& entry, std::uint64_t most) const;
  std::uint64_t most_elements(DType type) const;
  std::size_t block_for(DType type, const Part& part);
  // What holds the values of record, and their type there.
  const Buffer& home(const Part& part) const { return mirror_only(part) ? blocks_[part.block].mirror : blocks_[part.block].master; }
  DType home_type(const Entry& entry) const { return use_ == WeightsUse::inference ? entry.type : DType::f32; }
  bool mirror_only(const Part& part) const { return use_ == WeightsUse::inference && blocks_[part.block].type != DType::f32; }
  void write_piece(const Entry& entry, std::uint64_t first, std::span<const float> values);
  void read_piece(const Entry& entry, std::uint64_t first, std::span<float> values) const;
  bool load_as_stored(const Entry& entry, const CheckpointFolder& folder);

  const Device& device_;
  TransformerConfig config_;
  WeightTypes types_;
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
