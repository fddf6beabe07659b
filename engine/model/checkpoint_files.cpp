#include "model/checkpoint_files.h"

#include "base/content.h"
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/gguf/gguf.h"
#include "model/json_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";
constexpr const char* save_tokenizer = "transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...)";

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

/// The names in a folder, sorted. Throws InputError when it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  require(!error, "{}: cannot be read ({})", folder.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

/// The first name that ends with `ending`; "" if there is none.
std::string first_with(const std::vector<std::string>& names, std::string_view ending) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) { return name.ends_with(ending); });
  return found == names.end() ? "" : *found;
}

/// The checkpoints below a folder that is none itself: snapshots/<revision> of a Hugging Face cache, checkpoint-500 of a training.
std::vector<std::string> checkpoints_below(const fs::path& folder) {
  std::vector<std::string> found;
  for (const fs::path& parent : {folder, folder / "snapshots"}) {
    std::error_code none;
    if (!fs::is_directory(parent, none)) continue;
    for (const std::string& name : names_in(parent))
      if (is_there(parent / name / "config.json")) found.push_back((parent / name).string());
  }
  return found;
}

/// What a folder without config.json is.
std::string describe_folder(const fs::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  if (is_there(folder / "adapter_config.json"))
    return "adapter_config.json says that it is an adapter (LoRA) and no model: merge it into its base model (PEFT: merge_and_unload()) and save that";
  if (const auto below = checkpoints_below(folder); !below.empty()) return fmt::format("give {}", fmt::join(below, ", or "));
  if (is_there(folder / "params.json"))
    return "params.json says that it is in Meta's own layout: convert it (transformers: convert_llama_weights_to_hf.py), or take the folder for Transformers";
  if (const std::string gguf = first_with(names, ".gguf"); !gguf.empty()) return fmt::format("{} is a GGUF file: give its own path", gguf);
  if (names.empty()) return "the folder is empty";
  return fmt::format("expected a folder with config.json and {}", single_name);
}

/// What a folder has in place of model.safetensors and its index.
std::string describe_weights(const fs::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  std::vector<std::string> safetensors;
  for (const std::string& name : names)
    if (name.ends_with(".safetensors")) safetensors.push_back(name);
  if (is_there(folder / "adapter_model.safetensors") || is_there(folder / "adapter_model.bin"))
    return "its adapter_model is an adapter (LoRA) and no model: merge it into its base model (PEFT: merge_and_unload()) and save that";
  if (!first_with(safetensors, "-00001-of-00001.safetensors").empty() && safetensors.size() == 1)
    return fmt::format("rename {}, the only shard, to {}", safetensors[0], single_name);
  if (std::string shard = first_with(safetensors, ".safetensors"); shard.find("-of-") != shard.npos)
    return fmt::format("it has {} ({} such files): they need {}, which lists the shards", shard, safetensors.size(), index_name);
  if (!first_with(safetensors, "consolidated.safetensors").empty())
    return "consolidated.safetensors has Meta's or Mistral's own names of tensors: take the files for Transformers";
  if (!safetensors.empty()) return fmt::format("it has {}: if that is the model, rename it to {}", safetensors[0], single_name);
  for (const char* ending : {".bin", ".pt", ".pth", ".bin.index.json"})
    if (const std::string pickled = first_with(names, ending); !pickled.empty())
      return fmt::format("{}: pickled weights are not read; save them as safetensors (transformers: model.save_pretrained(...))", pickled);
  if (const std::string gguf = first_with(names, ".gguf"); !gguf.empty()) return fmt::format("{} is a GGUF file: give its own path", gguf);
  for (const char* ending : {".h5", ".msgpack", ".onnx"})
    if (const std::string other = first_with(names, ending); !other.empty())
      return fmt::format("{} is not read: save the weights as safetensors", other);
  return "expected one of them";
}

/// A shard's name must not lead out of the folder; a link with that name, which whoever made the folder put there, may.
fs::path shard_path(const fs::path& folder, const std::string& name, const std::string& where) {
  const bool plain = !name.empty() && name != "." && name != ".." && name.find_first_of(std::string("/\\:\0", 4)) == std::string::npos;
  require(plain, "{}: \"{}\" is not the name of a file in this folder", where, name);
  std::error_code error;
  require(fs::exists(fs::symlink_status(folder / name, error)), "{}: the shard {} is missing", where, name);
  return folder / name;
}

/// Tensor name -> shard name, and where the file says so.
struct IndexEntry {
  std::string tensor, shard, where;
};

std::vector<IndexEntry> read_index(const fs::path& path) {
  Settings json = settings_from_json(read_text(path), path.string());
  require(json.has("weight_map"), "{}: expected a table", json.where("weight_map"));
  Settings map = json.table("weight_map");
  std::vector<IndexEntry> entries;
  for (const std::string& name : map.keys()) entries.push_back({name, map.get<std::string>(name), map.where(name)});
  require(!entries.empty(), "{}: lists no tensors", json.where("weight_map"));
  return entries;
}

std::vector<std::unique_ptr<SafetensorsFile>> open_shards(const fs::path& folder) {
  const fs::path index = folder / index_name;
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::map<std::string, const SafetensorsFile*> opened;
  for (const auto& [tensor, shard, where] : read_index(index)) {
    if (!opened.contains(shard)) {
      files.push_back(std::make_unique<SafetensorsFile>(shard_path(folder, shard, index.string())));
      opened[shard] = files.back().get();
    }
    require(opened[shard]->contains(tensor), "{}: {} is not in {}", index.string(), tensor, shard);
  }
  return files;
}

/// A note where model.safetensors stands beside an index of other files: one of the two is stale.
void note_two_sources(const fs::path& folder, std::vector<std::string>& notes) {
  if (!is_there(folder / index_name)) return;
  std::set<std::string> shards;
  for (const IndexEntry& entry : read_index(folder / index_name)) shards.insert(entry.shard);
  if (shards == std::set<std::string>{single_name}) return;
  notes.push_back(fmt::format("{}: {} is read, as Transformers does, and not the {} shards of {} beside it", folder.string(), single_name,
                              shards.size(), index_name));
}

/// A file of that name which does not begin like one.
[[noreturn]] void refuse_broken_gguf(const fs::path& path) {
  const MappedFile file(path);
  const std::string what = describe_content(file.bytes());
  bad_input("{}: is {}", path.string(), what.empty() ? "no GGUF file" : what);
}

}  // namespace

fs::path config_file(const fs::path& folder) {
  std::error_code none;
  const fs::file_status status = fs::status(folder, none);
  if (folder.extension() == ".gguf" && fs::is_regular_file(status)) refuse_broken_gguf(folder);
  if (fs::is_regular_file(status))
    bad_input("{}: is a file; a checkpoint is the folder that holds it ({})", folder.string(),
              folder.has_parent_path() ? folder.parent_path().string() : ".");
  require(fs::is_directory(status), "{}: not a folder (a checkpoint is a folder with config.json and {}; nothing is downloaded)",
          folder.string(), single_name);
  const fs::path config = folder / "config.json";
  if (!fs::exists(fs::symlink_status(config, none))) bad_input("{}: holds no config.json; {}", folder.string(), describe_folder(folder));
  return config;
}

std::vector<std::unique_ptr<SafetensorsFile>> open_weight_files(const fs::path& folder, std::vector<std::string>& notes) {
  std::error_code none;
  if (fs::exists(fs::symlink_status(folder / single_name, none))) {
    note_two_sources(folder, notes);
    std::vector<std::unique_ptr<SafetensorsFile>> files;
    files.push_back(std::make_unique<SafetensorsFile>(folder / single_name));
    return files;
  }
  if (!is_there(folder / index_name))
    bad_input("{}: holds neither {} nor {}; {}", folder.string(), single_name, index_name, describe_weights(folder));
  return open_shards(folder);
}

fs::path tokenizer_file(const fs::path& checkpoint) { return is_gguf_file(checkpoint) ? checkpoint : checkpoint / "tokenizer.json"; }

std::string why_checkpoint_has_no_bos(const fs::path& checkpoint) {
  if (is_gguf_file(checkpoint))
    return fmt::format("{} names no beginning-of-sequence token (tokenizer.ggml.bos_token_id)", checkpoint.string());
  const fs::path config = checkpoint / "config.json";
  return why_no_bos(read_text(config), config.string());
}

std::string describe_tokenizer_files(const fs::path& folder) {
  if (is_there(folder / "tokenizer.model"))
    return fmt::format("it has a tokenizer.model, which is not read: save the tokenizer as tokenizer.json ({})", save_tokenizer);
  if (is_there(folder / "vocab.json"))
    return fmt::format("it has a vocab.json, which is not read alone: save the tokenizer as tokenizer.json ({})", save_tokenizer);
  return "copy the tokenizer.json of the model there";
}

}  // namespace ablate
