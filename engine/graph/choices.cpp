#include "graph/choices.h"

#include "base/file.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace ablate {
namespace {

std::filesystem::path cache_file(const Caps& caps) {
  std::string masks;
  for (const std::string& word : caps.masked) masks += "-" + word;
  const std::uint64_t device = hash_text(caps.device_name + caps.driver_info + masks);
  return cache_folder() /
         fmt::format("choices-{:08x}-{:08x}-{:08x}-{:016x}.json", caps.vendor_id, caps.device_id, caps.driver_version, device);
}

}  // namespace

std::optional<std::string> Choices::find(const std::string& question) const {
  asked_.insert(question);
  const auto found = answers_.find(question);
  return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

std::set<std::string> Choices::open() const {
  std::set<std::string> open;
  for (const std::string& question : asked_)
    if (!answers_.contains(question)) open.insert(question);
  return open;
}

std::map<std::string, std::string> Choices::used() const {
  std::map<std::string, std::string> used;
  for (const auto& [question, answer] : answers_)
    if (asked_.contains(question)) used.emplace(question, answer);
  return used;
}

Choices Choices::read(const std::filesystem::path& file) {
  Choices choices;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return choices;
  const nlohmann::json json = nlohmann::json::parse(read_text(file), nullptr, false);
  if (!json.is_object()) return choices;
  for (const auto& [question, answer] : json.items())
    if (answer.is_string()) choices.set(question, answer.get<std::string>());
  return choices;
}

void Choices::write(const std::filesystem::path& file) const { write_atomically(file, nlohmann::json(answers_).dump(1) + "\n"); }

Choices Choices::cached(const Caps& caps) { return read(cache_file(caps)); }

void Choices::save(const Caps& caps) const noexcept {
  try {
    std::filesystem::create_directories(cache_folder());
    nlohmann::json file = nlohmann::json::object();
    for (const auto& [question, answer] : answers_) file[question] = answer;
    const Choices before = cached(caps);
    for (const auto& [question, answer] : before.answers()) file[question] = answer;
    write_atomically(cache_file(caps), file.dump(1) + "\n");
  } catch (const std::exception&) {
    return;  // only a cache: the next run tunes again
  }
}

}  // namespace ablate
