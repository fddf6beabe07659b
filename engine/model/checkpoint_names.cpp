#include "model/checkpoint_names.h"

#include "base/error.h"
#include "base/huggingface_cache.h"
#include "base/paths.h"
#include "model/checkpoint_files.h"

#include <functional>
#include <vector>

namespace ablate {
namespace fs = std::filesystem;
namespace {

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

/// Endings of files: what has one is a path.
bool is_file_name(std::string_view name) {
  for (const char* ending : {".json", ".gguf", ".safetensors", ".bin", ".toml", ".pt", ".pth", ".model"})
    if (name.ends_with(ending)) return true;
  return false;
}

std::string begun_with(std::string_view where) { return where.empty() ? "" : fmt::format("{}: ", where); }

/// The snapshot of `name`, or `path`. `missing` says which file a snapshot lacks, "" for none.
fs::path find(const fs::path& path, std::string_view name, std::string_view where,
              const std::function<std::string(const fs::path&)>& missing) {
  const std::optional<HubName> hub = is_file_name(name) ? std::nullopt : HubName::parse(name);
  if (is_there(path) || !hub) return path;
  const std::optional<fs::path> snapshot = cached_snapshot(*hub);
  if (!snapshot)
    bad_input("{}{} is not there, and \"{}\" is not in the Hugging Face cache ({}, revision {}): {} downloads it", begun_with(where),
              path.string(), name, cached_repository(*hub).string(), hub->revision, hub->fetch_command());
  if (const std::string file = missing(*snapshot); !file.empty())
    bad_input("{}\"{}\" is in the Hugging Face cache without its {} ({}): {} completes it", begun_with(where), name, file,
              snapshot->string(), hub->fetch_command());
  return *snapshot;
}

std::string missing_of_checkpoint(const fs::path& snapshot) {
  if (!is_there(snapshot / "config.json")) return "config.json";
  return is_there(snapshot / "model.safetensors") || is_there(snapshot / "model.safetensors.index.json") ? "" : "model.safetensors";
}

std::string missing_of_tokenizer(const fs::path& snapshot) { return is_there(snapshot / "tokenizer.json") ? "" : "tokenizer.json"; }

using Find = fs::path (*)(const fs::path& path, std::string_view name, std::string_view where);

fs::path read(Settings& settings, const Key& key, Find find) {
  const std::string name = settings.get<std::string>(key, "");
  if (name.empty()) return {};
  const fs::path path = find(path_of(*settings.raw(key)), name, settings.where(key));
  settings.names_files(key, {path.string()});
  return path;
}

}  // namespace

fs::path find_checkpoint(const fs::path& path, std::string_view name, std::string_view where) {
  return find(path, name, where, missing_of_checkpoint);
}

fs::path find_tokenizer(const fs::path& path, std::string_view name, std::string_view where) {
  const fs::path found = find(path, name, where, missing_of_tokenizer);
  std::error_code none;
  return fs::is_directory(found, none) ? tokenizer_file(found) : found;
}

fs::path read_checkpoint_path(Settings& settings, const Key& key) { return read(settings, key, find_checkpoint); }
fs::path read_tokenizer_path(Settings& settings, const Key& key) { return read(settings, key, find_tokenizer); }

}  // namespace ablate
