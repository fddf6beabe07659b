// One architecture of GGUF files: what its metadata means, and where its tensors hold our parameters. Each registers itself in its own file, by the
// name that general.architecture gives it; no other file names one.
#pragma once

#include "base/registry.h"
#include "base/settings.h"
#include "model/architectures/placement.h"
#include "model/config.h"
#include "model/gguf/gguf.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// A file whose model is being read.
class GgufModel {
 public:
  GgufModel(const GgufFile& file, std::string architecture, std::vector<std::string>& notes);

  /// The keys of the architecture without its name and dot: "block_count". What nobody asks for is refused (settle).
  Settings keys;
  std::vector<std::string>& notes;

  /// 1 to `most`.
  int count(std::string_view key, int most = 1 << 24);
  int count_or(std::string_view key, int fallback, int most = 1 << 24);
  /// The same for a key that may be a list of one value a layer: all of them must be equal.
  int count_of_all_layers(std::string_view key);
  int count_of_all_layers_or(std::string_view key, int fallback);
  /// Throws InputError unless the key is absent, false, 0 or as given.
  void expect(std::string_view key, double value);
  void expect_off(std::string_view key);

  bool has_tensor(std::string_view name) const { return file_.tensors().find(name) != file_.tensors().end(); }
  /// Throws InputError where there is none of that name.
  const TensorView& tensor(std::string_view name) const;
  const GgufFile& file() const { return file_; }

  /// Refuses the keys of the architecture that nobody asked for.
  void settle() const { keys.reject_unused(); }

 private:
  const GgufFile& file_;
};

struct GgufArchitecture {
  /// The class of Hugging Face Transformers that the model is saved as.
  std::string class_name;
  /// Asks for the keys of the architecture: those that nobody asks for are refused, as they may change the arithmetic.
  std::function<void(GgufModel& model, TransformerConfig& config)> read;
  std::function<Placement(const TransformerConfig& config, const ParameterSpec& parameter)> place;
  /// Whether files have a tensor of this name that is no parameter; empty: none.
  std::function<bool(std::string_view name)> surplus{};
};
using GgufArchitectures = Registry<GgufArchitecture>;

/// The names that most architectures share: "model.layers.3.mlp.up_proj.weight" is "blk.3.ffn_up.weight".
std::string gguf_name(const ParameterSpec& parameter);

}  // namespace ablate
