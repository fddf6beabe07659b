// Models on disk: folders in Hugging Face's layout (config.json and model.safetensors, whole or in shards), and GGUF files.
#pragma once

#include "model/checkpoint_source.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// The configuration that the text of a config.json describes: of a class in model/architectures, or AblateForCausalLM (whose "ablate" object holds the keys of TransformerConfig). Throws InputError "where: ..." for anything else, and for
/// every key that would change the arithmetic in a way the engine does not compute. `notes`, if given, gets what was left out or taken
/// without being said, a line each.
TransformerConfig parse_model_config(std::string_view json, std::string_view where, std::vector<std::string>* notes = nullptr);

/// Why the configuration of that config.json has no bos_token_id: it names none, or several, or one that is no token.
std::string why_no_bos(std::string_view json, std::string_view where);

/// The config.json of a model: of the architecture that Transformers can load as is where there is one, else AblateForCausalLM.
/// `dtype` is that of the weights.
std::string model_config_json(const TransformerConfig& config, DType dtype = DType::f32);

/// "LlamaForCausalLM" and so on, or "AblateForCausalLM" when there is no class in model/architectures for it.
std::string_view architecture(const TransformerConfig& config);

/// A folder, or a GGUF file, opened for reading. Opening checks everything: the config, that every parameter is there, once, in its shape and in a type that
/// can be read, and that no tensor is left over (a lm_head equal to the embedding it is tied to, and the rotary tables of old files, aside).
class CheckpointFolder {
 public:
  /// Throws InputError in one line: file, key or tensor, what was expected.
  explicit CheckpointFolder(const std::filesystem::path& place);

  const TransformerConfig& config() const { return source_.config; }
  /// The folder, or the file.
  const std::filesystem::path& folder() const { return folder_; }
  /// The tensor that holds the parameter, in the mapped file; names as in parameters(config()).
  const TensorView& at(std::string_view name) const { return *find(name).tensors.front(); }
  bool contains(std::string_view name) const { return stored_.find(name) != stored_.end(); }
  /// Whether at(name) is the parameter as it stands; else it holds others beside it, or lies another way, or in several tensors.
  bool is_whole(std::string_view name) const { return find(name).placement.is_whole(); }
  /// Elements first .. first + out.size() - 1 of the parameter, wherever they lie.
  void read(std::string_view name, std::span<float> out, std::int64_t first = 0) const;
  /// The storage format that the parameter's rows are kept in, where they lie as rows of a tensor that is in one.
  std::optional<DType> block_type(std::string_view name) const;
  /// The bytes of such rows from `first_row` on. Throws InputError for a scale that is no finite number.
  void read_rows(std::string_view name, std::span<std::byte> out, std::int64_t first_row) const;
  /// Lets go of the pages of the file that were read for it.
  void drop(std::string_view name) const;
  /// The storage type most of the weights have: f32, f16 or bf16; f32 where some are in blocks, as no 16 bits hold what they decode to.
  DType dtype() const;
  /// What was left out or taken without being said, a line each.
  const std::vector<std::string>& notes() const { return source_.notes; }

 private:
  struct Stored {
    std::vector<const TensorView*> tensors;
    ParameterSpec parameter;
    Placement placement;
  };
  const Stored& find(std::string_view name) const;
  void place_parameters();
  void check_tied_head() const;

  std::filesystem::path folder_;
  CheckpointSource source_;
  std::map<std::string, Stored, std::less<>> stored_;  ///< by the names of parameters
};

/// Writes model.safetensors, then config.json, each atomically. The folder is made if it is not there. Throws RunError.
void write_checkpoint(const std::filesystem::path& folder, const TransformerConfig& config, std::span<const TensorToWrite> tensors,
                      DType dtype = DType::f32);

}  // namespace ablate
