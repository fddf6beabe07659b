// Folders in Hugging Face's layout: which tensors they have, by the names of their class.
#include "base/error.h"
#include "model/architectures/architecture.h"
#include "model/architectures/text_part.h"
#include "model/checkpoint.h"
#include "model/checkpoint_files.h"
#include "model/json_settings.h"
#include "model/tensor_names.h"

#include <fmt/format.h>

namespace ablate {
namespace fs = std::filesystem;
namespace {

/// The class it came from, or one of our own, whose tensors are the parameters.
const Architecture& architecture_of(const TransformerConfig& config) {
  static const Architecture own{};
  const auto found = Architectures::all().find(config.origin.name);
  return found == Architectures::all().end() ? own : found->second;
}

/// Where the class has a parameter of ours.
std::string name_in(const Architecture& architecture, const TransformerConfig& config, const char* name, ParameterKind kind) {
  return architecture.placement(config, {name, {}, kind}).name;
}

/// Reads the tensors of `files` into `source`, by the names of the class.
class Gatherer {
 public:
  /// `part`: of a model of several modalities, whose other tensors are left out; null: all are the model's.
  Gatherer(const Architecture& architecture, const TextPart* part, CheckpointSource& source)
      : architecture_(architecture),
        part_(part),
        source_(source),
        embedding_(name_in(architecture, source.config, "model.embed_tokens.weight", ParameterKind::embedding)),
        head_(name_in(architecture, source.config, "lm_head.weight", ParameterKind::head)) {}

  void gather(const fs::path& folder, const std::vector<std::shared_ptr<const SafetensorsFile>>& files) {
    for (const auto& file : files)
      for (const auto& [name, tensor] : file->tensors()) find(name, tensor);
    std::vector<std::string> names;
    for (const auto& [name, tensor] : found_) names.push_back(name);
    const std::string quantization = quantization_of(names);
    require(quantization.empty(), "{}: holds quantized weights, which are not supported ({}); take the model before it was quantized",
            folder.string(), quantization);
    const std::string& prefix = architecture_.prefix;
    const bool lacks_prefix = lacks_model_prefix(names, prefix, embedding_);
    if (lacks_prefix)
      source_.notes.push_back(fmt::format("{}: its tensors are named without \"{}\", and read as if they had it", folder.string(), prefix));
    for (const auto& [name, tensor] : found_) take(lacks_prefix && name != head_ ? fmt::format("{}{}", prefix, name) : name, *tensor);
    for (const auto& [module, count] : left_out_)
      source_.notes.push_back(
          fmt::format("{}: {} tensors of {} are left out: they are no part of the language model", folder.string(), count, module));
    require(source_.tensors.contains(embedding_), "{}: the tensor {} is missing; {}", source_.weights_name, embedding_,
            describe_names(names));
  }

 private:
  /// Under the name it has in a file of the class's own.
  void find(const std::string& name, const TensorView& tensor) {
    const std::string own = part_ ? part_->own_name(name) : name;
    if (own.empty()) ++left_out_[name.substr(0, name.find('.', name.starts_with("model.") ? 6 : 0))];
    else found_.emplace_back(own, &tensor);
  }

  void take(const std::string& name, const TensorView& tensor) {
    if (is_surplus(name)) {
      if (name == head_) source_.surplus_head = &tensor;
      return;
    }
    require(source_.tensors.emplace(name, &tensor).second, "{}: is in another shard too", tensor.where);
  }

  /// Tensors that files have and the model doesn't need.
  bool is_surplus(const std::string& name) const {
    return (source_.config.tie_embeddings && name == head_) || name.ends_with("rotary_emb.inv_freq") ||
           (architecture_.surplus && architecture_.surplus(name));
  }

  const Architecture& architecture_;
  const TextPart* part_;
  std::vector<std::pair<std::string, const TensorView*>> found_;
  std::map<std::string, int> left_out_;  // by module
  CheckpointSource& source_;
  std::string embedding_, head_;
};

}  // namespace

CheckpointSource open_huggingface_folder(const fs::path& folder) {
  CheckpointSource source;
  source.config_name = config_file(folder).string();
  const std::string text = read_text(source.config_name);
  source.config = parse_model_config(text, source.config_name, &source.notes);
  Settings json = settings_from_json(text, source.config_name);
  const TextPart* part = find_text_part(json);
  const Architecture& architecture = architecture_of(source.config);
  std::vector<std::shared_ptr<const SafetensorsFile>> files;
  for (auto& file : open_weight_files(folder, source.notes)) files.push_back(std::move(file));
  source.weights_name = files.size() == 1 ? files[0]->path().string() : folder.string();
  source.head_hint = fmt::format("; if the embedding is the head too, {} must say tie_word_embeddings = true", source.config_name);
  source.place = [&architecture, config = source.config](const ParameterSpec& parameter) {
    return architecture.placement(config, parameter);
  };
  Gatherer(architecture, part, source).gather(folder, files);
  source.files.assign(files.begin(), files.end());
  return source;
}

}  // namespace ablate
