#include "base/huggingface_cache.h"

#include "base/error.h"
#include "base/file.h"

#include <algorithm>
#include <cstdlib>

namespace ablate {
namespace fs = std::filesystem;
namespace {

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_name_character(char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; }

bool is_name(std::string_view part) {
  return !part.empty() && part.size() <= 96 && std::all_of(part.begin(), part.end(), is_name_character) &&
         is_letter_or_digit(part.front()) && part.back() != '-' && part.back() != '.' && part.find("--") == part.npos &&
         part.find("..") == part.npos && !part.ends_with(".git");
}

bool is_revision(std::string_view text) {
  const auto allowed = [](char c) { return is_name_character(c) || c == '/' || c == '+' || c == '~'; };
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), allowed) && text.front() != '/' &&
         text.back() != '/' && text.front() != '-' && text.find("..") == text.npos && text.find("//") == text.npos &&
         text.find("./") == text.npos;
}

/// The variable's value with the home folder in place of "~"; empty where it is unset.
fs::path folder_in(const char* name) {
  const char* value = std::getenv(name);
  const std::string text = value ? value : "";
  const char* home = std::getenv("HOME");
  if (home && (text == "~" || text.starts_with("~/"))) return fs::path(home) / text.substr(std::min<std::size_t>(text.size(), 2));
  return text;
}

std::optional<std::string> commit_of(const fs::path& ref) {
  std::error_code none;
  if (!fs::is_regular_file(ref, none)) return std::nullopt;
  std::string commit = read_text(ref);
  commit.erase(std::find_if(commit.begin(), commit.end(), [](char c) { return !is_letter_or_digit(c); }), commit.end());
  return commit.empty() ? std::nullopt : std::optional(commit);
}

}  // namespace

std::optional<HubName> HubName::parse(std::string_view text) {
  HubName name;
  if (const std::size_t at = text.find('@'); at != text.npos) {
    name.revision = text.substr(at + 1);
    text = text.substr(0, at);
  }
  const std::size_t slash = text.find('/');
  const bool fits = slash == text.npos ? is_name(text) : is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
  if (!fits || !is_revision(name.revision)) return std::nullopt;
  name.repository = text;
  return name;
}

std::string HubName::text() const { return revision == "main" ? repository : fmt::format("{}@{}", repository, revision); }

std::string HubName::fetch_command() const {
  return fmt::format("ablate fetch {}{}", repository, revision == "main" ? "" : " --revision " + revision);
}

bool is_commit(std::string_view revision) {
  return revision.size() == 40 && revision.find_first_not_of("0123456789abcdef") == revision.npos;
}

fs::path huggingface_cache() {
  if (const fs::path own = folder_in("HF_HUB_CACHE"); !own.empty()) return own;
  if (const fs::path home = folder_in("HF_HOME"); !home.empty()) return home / "hub";
  if (const fs::path xdg = folder_in("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "huggingface" / "hub";
  return folder_in("HOME") / ".cache" / "huggingface" / "hub";
}

fs::path cached_repository(const HubName& name) {
  std::string folder = "models--" + name.repository;
  if (const std::size_t slash = folder.find('/'); slash != folder.npos) folder.replace(slash, 1, "--");
  return huggingface_cache() / folder;
}

std::optional<fs::path> cached_snapshot(const HubName& name) {
  const fs::path repository = cached_repository(name);
  const std::optional<std::string> commit = is_commit(name.revision) ? name.revision : commit_of(repository / "refs" / name.revision);
  std::error_code none;
  if (!commit || !fs::is_directory(repository / "snapshots" / *commit, none)) return std::nullopt;
  return repository / "snapshots" / *commit;
}

}  // namespace ablate
