#include "fetch/fetch.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/size.h"
#include "base/terminal.h"
#include "fetch/download.h"
#include "fetch/fetch_error.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <set>

namespace ablate {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr const char* config_name = "config.json";
constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";
constexpr const char* small_names[] = {
    config_name,  "generation_config.json", "tokenizer.json",         "tokenizer_config.json", "tokenizer.model", "vocab.json",
    "merges.txt", "added_tokens.json",      "special_tokens_map.json"};

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw WriteError(folder, "cannot be made", error.message());
}

/// Only one process at a time downloads a model; beside the folders of the cache, as its own tools do.
FolderLock lock(const HubName& name) {
  const fs::path folder = huggingface_cache() / ".locks" / cached_repository(name).filename();
  make_folder(folder);
  try {
    return FolderLock(folder);
  } catch (const InputError&) {
    cannot_fetch("{}: another process is downloading it", name.text());
  }
}

/// A link that leads to the blob however the cache is moved; the file itself where there are no links.
void link(const fs::path& blob, const fs::path& path) {
  fs::path fresh = path;
  fresh += ".new";
  std::error_code error;
  fs::remove(fresh, error);
  fs::create_symlink(fs::path("..") / ".." / "blobs" / blob.filename(), fresh, error);
  fs::rename(error ? blob : fresh, path);
}

class Fetch {
 public:
  Fetch(const HubServer& server, HubName name)
      : name_(std::move(name)), hub_(server, name_), revision_(hub_.revision()), progress_(stderr_is_terminal()) {
    snapshot_ = repository_ / "snapshots" / revision_.commit;
  }

  fs::path all() {
    require_model();
    make_folder(repository_ / "blobs");
    make_folder(snapshot_);
    std::vector<std::string> names;
    for (const char* name : small_names)
      if (has(name)) names.emplace_back(name);
    if (!has(single_name)) names.emplace_back(index_name);
    get(names);
    get(has(single_name) ? std::vector<std::string>{single_name} : shards());
    point_name();
    return snapshot_;
  }

 private:
  bool has(const std::string& file) const {
    return std::find(revision_.files.begin(), revision_.files.end(), file) != revision_.files.end();
  }

  void require_model() const {
    if (has(config_name) && (has(single_name) || has(index_name))) return;
    std::vector<std::string> others;
    for (const std::string& file : revision_.files)
      for (const char* ending : {".gguf", ".bin", ".pt", ".pth", ".safetensors", ".h5", ".msgpack", ".onnx"})
        if (file.ends_with(ending) && others.size() < 3) others.push_back(file);
    cannot_fetch("{}: has no {}{}", name_.text(), has(config_name) ? "model.safetensors or index of shards" : config_name,
                 others.empty() ? "" : fmt::format("; it has {}", fmt::join(others, ", ")));
  }

  std::vector<std::string> shards() const {
    const fs::path index = snapshot_ / index_name;
    std::set<std::string> names;
    try {
      const Json json = parse_json<Json>(read_text(index), index.string());
      for (const Json& shard : json.at("weight_map")) names.insert(shard.get<std::string>());
    } catch (const Json::exception& error) {
      cannot_fetch("{}: lists no shards ({})", index.string(), on_one_line(error.what()));
    }
    for (const std::string& name : names)
      if (name.find_first_of("/\\:") != name.npos || !has(name))
        cannot_fetch("{}: the shard {} is not in the repository", name_.text(), on_one_line(name));
    return {names.begin(), names.end()};
  }

  fs::path blob_of(const HubFile& file) const { return repository_ / "blobs" / file.etag; }

  /// Those of the names that are not there yet.
  void get(const std::vector<std::string>& names) {
    std::vector<HubFile> files;
    for (const std::string& name : names)
      if (!is_there(snapshot_ / name)) files.push_back(hub_.file(revision_, name));
    require_room(files);
    for (const HubFile& file : files) {
      if (!is_there(blob_of(file))) download(hub_, revision_, file, blob_of(file), progress_);
      link(blob_of(file), snapshot_ / file.name);
    }
  }

  void require_room(const std::vector<HubFile>& files) const {
    std::uint64_t needed = 0;
    std::error_code none;
    for (const HubFile& file : files) {
      if (is_there(blob_of(file))) continue;
      const std::uintmax_t there = fs::file_size(incomplete_of(blob_of(file)), none);
      needed += file.size - (none ? 0 : std::min<std::uintmax_t>(there, file.size));
    }
    const fs::space_info space = fs::space(repository_, none);
    if (none || space.available >= needed) return;
    cannot_fetch("{}: {} more are needed for {}, {} are free: HF_HUB_CACHE=FOLDER names another place", repository_.string(),
                 size_text(needed), name_.text(), size_text(space.available));
  }

  /// The branch or tag stands for this commit from now on.
  void point_name() const {
    if (is_commit(name_.revision)) return;
    const fs::path ref = repository_ / "refs" / name_.revision;
    make_folder(ref.parent_path());
    write_atomically(ref, revision_.commit);
  }

  HubName name_;
  fs::path repository_ = cached_repository(name_), snapshot_;
  Hub hub_;
  HubRevision revision_;
  DownloadProgress progress_;
};

}  // namespace

fs::path fetch_model(const HubServer& server, const HubName& name) {
  if (hub_is_offline()) cannot_fetch("{}: HF_HUB_OFFLINE is set, so nothing is downloaded", name.text());
  make_folder(huggingface_cache());
  const FolderLock alone = lock(name);
  return Fetch(server, name).all();
}

}  // namespace ablate
