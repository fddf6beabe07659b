// A GGUF file as a checkpoint.
#include "base/error.h"
#include "model/checkpoint_source.h"
#include "model/gguf/architecture.h"

#include <fmt/format.h>

namespace ablate {
namespace fs = std::filesystem;
namespace {

/// Files that are no whole model, or not to be read as they stand.
void refuse_other_files(const GgufFile& file) {
  if (const auto* type = file.find<std::string_view>("general.type"))
    require(*type == "model", "{}: expected \"model\", found \"{}\"", file.place_of("general.type"), *type);
  if (const auto* files = file.find<std::int64_t>("split.count"))
    require(*files <= 1, "{}: is one of {} files of a model, which are not read apart: join them (llama-gguf-split --merge)",
            file.place_of("split.count"), *files);
  if (const auto* version = file.find<std::int64_t>("general.quantization_version"))
    require(*version == 2, "{}: expected 2, found {}", file.place_of("general.quantization_version"), *version);
}

/// Keys of others than the architecture, the tokenizer and the file: they say how it was made.
void note_other_keys(const GgufFile& file, std::string_view architecture, std::vector<std::string>& notes) {
  for (const auto& [key, value] : file.metadata()) {
    const std::string space = key.substr(0, key.find('.'));
    if (space == architecture || space == "general" || space == "tokenizer" || space == "split" || space == "quantize") continue;
    notes.push_back(fmt::format("{}: left out", file.place_of(key)));
  }
}

TransformerConfig read_config(GgufModel& model, const GgufArchitecture& architecture) {
  TransformerConfig config;
  config.origin.name = architecture.class_name;
  architecture.read(model, config);
  model.settle();
  const auto* bos = model.file().find<std::int64_t>("tokenizer.ggml.bos_token_id");
  if (bos && *bos >= 0 && *bos < config.vocab_size) config.bos_token_id = static_cast<int>(*bos);
  config.validate([&](std::string_view key) { return fmt::format("{}: {}", model.keys.where(""), key); });
  return config;
}

}  // namespace

CheckpointSource open_gguf_checkpoint(const fs::path& path) {
  const auto file = std::make_shared<const GgufFile>(path);
  refuse_other_files(*file);
  const std::string name(file->get<std::string_view>("general.architecture"));
  const GgufArchitecture& architecture = GgufArchitectures::find(file->place_of("general.architecture") + ":", name);
  CheckpointSource source;
  source.config_name = source.weights_name = path.string();
  GgufModel model(*file, name, source.notes);
  source.config = read_config(model, architecture);
  note_other_keys(*file, name, source.notes);
  for (const auto& [tensor_name, tensor] : file->tensors())
    if (!architecture.surplus || !architecture.surplus(tensor_name)) source.tensors.emplace(tensor_name, &tensor);
  source.place = [&architecture, config = source.config](const ParameterSpec& parameter) { return architecture.place(config, parameter); };
  source.files.push_back(file);
  return source;
}

}  // namespace ablate
