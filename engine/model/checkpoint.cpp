#include "model/checkpoint.h"

#include "base/error.h"
#include "model/json_settings.h"
#include "model/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";

/// Whether `file`, a name in `folder`, is the file that the folder itself holds: links may lead elsewhere in the folder, or from a snapshot
/// of the Hugging Face cache to that cache's blobs (snapshots/<revision>/name -> ../../blobs/<hash>).
bool stays_inside(const fs::path& folder, const fs::path& file) {
  const fs::path home = fs::weakly_canonical(folder), target = fs::weakly_canonical(file);
  const auto lies_in = [&](const fs::path& place) {
    return std::mismatch(place.begin(), place.end(), target.begin(), target.end()).first == place.end();
  };
  return lies_in(home) || (home.parent_path().filename() == "snapshots" && lies_in(home.parent_path().parent_path() / "blobs"));
}

fs::path shard_path(const fs::path& folder, const std::string& name, const std::string& where) {
  const bool plain = !name.empty() && name != "." && name != ".." && name.find_first_of(std::string("/\\:\0", 4)) == std::string::npos;
  require(plain, "{}: \"{}\" is not the name of a file in this folder", where, name);
  const fs::path path = folder / name;
  std::error_code error;
  require(fs::exists(fs::symlink_status(path, error)), "{}: the shard {} is missing", where, name);
  require(stays_inside(folder, path), "{}: the shard {} is a link that leaves the folder", where, name);
  return path;
}

/// Tensor name -> shard name.
std::map<std::string, std::string> read_index(const fs::path& path) {
  Settings json = settings_from_json(read_text(path), path.string());
  require(json.has("weight_map"), "{}: expected a table", json.where("weight_map"));
  Settings map = json.table("weight_map");
  std::map<std::string, std::string> shards;
  for (const std::string& name : map.keys()) shards[name] = map.get<std::string>(name);
  return shards;
}

/// The folder's safetensors files, checked against the index if there is one.
std::vector<std::unique_ptr<SafetensorsFile>> open_files(const fs::path& folder) {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  if (fs::exists(folder / single_name)) {
    files.push_back(std::make_unique<SafetensorsFile>(folder / single_name));
    return files;
  }
  require(fs::exists(folder / index_name), "{}: holds neither {} nor {}{}", folder.string(), single_name, index_name,
          fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json")
              ? " (pickled weights are not read: convert them)"
              : "");
  const fs::path index = folder / index_name;
  std::map<std::string, const SafetensorsFile*> opened;
  for (const auto& [tensor, shard] : read_index(index)) {
    if (!opened.contains(shard)) {
      files.push_back(std::make_unique<SafetensorsFile>(shard_path(folder, shard, index.string())));
      opened[shard] = files.back().get();
    }
    require(opened[shard]->contains(tensor), "{}: {} is not in {}", index.string(), tensor, shard);
  }
  return files;
}

/// Tensors that files have and the model doesn't need.
bool is_surplus(std::string_view name, const TransformerConfig& config) {
  return (config.tie_embeddings && name == "lm_head.weight") || name.ends_with("rotary_emb.inv_freq");
}

void check_tensor(const TensorView& tensor, const ParameterSpec& parameter) {
  require(tensor.shape == parameter.shape, "{}: expected shape ({}), found ({})", tensor.where, fmt::join(parameter.shape, ", "),
          fmt::join(tensor.shape, ", "));
  const bool readable = tensor.dtype == "F32" || tensor.dtype == "F16" || tensor.dtype == "BF16" || tensor.dtype == "F64";
  require(readable, "{}: expected F32, F16, BF16 or F64, found {}", tensor.where, tensor.dtype);
}

}  // namespace

CheckpointFolder::CheckpointFolder(const fs::path& folder) : folder_(folder) {
  require(fs::is_directory(folder), "{}: not a folder (a checkpoint is a folder with config.json and {})", folder.string(), single_name);
  const fs::path config = folder / "config.json";
  config_ = parse_model_config(read_text(config), config.string());
  files_ = open_files(folder);
  for (const auto& file : files_)
    for (const auto& [name, tensor] : file->tensors())
      if (!is_surplus(name, config_)) require(tensors_.emplace(name, &tensor).second, "{}: is in another shard too", tensor.where);

  std::set<std::string, std::less<>> left_over;
  for (const auto& [name, tensor] : tensors_) left_over.insert(name);
  for (const ParameterSpec& parameter : parameters(config_)) {
    check_tensor(at(parameter.name), parameter);
    left_over.erase(parameter.name);
  }
  require(left_over.empty(), "{}: has no place in this model ({})", left_over.empty() ? "" : tensors_[*left_over.begin()]->where,
          config.string());
}

const TensorView& CheckpointFolder::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  require(found != tensors_.end(), "{}: the tensor {} is missing", folder_.string(), name);
  return *found->second;
}

DType CheckpointFolder::dtype() const {
  std::map<std::string, std::int64_t> elements;
  for (const auto& [name, tensor] : tensors_) elements[tensor->dtype] += tensor->elements();
  const auto most = std::max_element(elements.begin(), elements.end(), [](auto& a, auto& b) { return a.second < b.second; });
  return most->first == "BF16" ? DType::bf16 : most->first == "F16" ? DType::f16 : DType::f32;
}

void write_checkpoint(const fs::path& folder, const TransformerConfig& config, std::span<const TensorToWrite> tensors, DType dtype) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(fmt::format("{}: cannot be made ({})", folder.string(), error.message()));
  write_safetensors(folder / single_name, tensors, {{"format", "pt"}});  // Transformers asks for that entry
  write_atomically(folder / "config.json", model_config_json(config, dtype));
}

}  // namespace ablate
