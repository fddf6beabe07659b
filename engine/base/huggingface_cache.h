// Names of models on the Hugging Face Hub, and the folder in which its tools keep what they downloaded:
//   models--ORG--NAME/refs/REVISION         the commit that a branch or tag stood for when it was downloaded
//   models--ORG--NAME/snapshots/COMMIT/...  the files of a commit: links to
//   models--ORG--NAME/blobs/ETAG            what they hold, once, however many commits have it
// https://huggingface.co/docs/huggingface_hub/guides/manage-cache
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ablate {

/// "HuggingFaceTB/SmolLM2-135M", or with a branch, tag or commit, "HuggingFaceTB/SmolLM2-135M@v1.0".
struct HubName {
  std::string repository;         ///< "ORG/NAME", or "NAME" of the first models ("gpt2")
  std::string revision = "main";  ///< "refs/pr/1" too

  /// None where `text` cannot be one: the Hub's rules for names, and a revision that leads out of no folder.
  static std::optional<HubName> parse(std::string_view text);
  /// As parse() takes it; the revision is left out where it is "main".
  std::string text() const;
  /// `ablate fetch ...` that downloads it.
  std::string fetch_command() const;
};

/// Whether it is a commit's whole hash.
bool is_commit(std::string_view revision);

/// $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub; "~" at the beginning is the home folder.
std::filesystem::path huggingface_cache();

/// The repository's folder there, which need not be there.
std::filesystem::path cached_repository(const HubName& name);

/// The folder of the files of the revision, as far as they were downloaded; none where none were.
std::optional<std::filesystem::path> cached_snapshot(const HubName& name);

}  // namespace ablate
