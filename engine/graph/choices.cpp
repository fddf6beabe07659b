#include "graph/choices.h"

#include "base/cache.h"
#include "base/hash.h"
#include "base/prune_cache.h"
#include "graph/choices_by_memory.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <span>

namespace ablate {
namespace {

constexpr std::size_t most_cached_devices = 32;  // with their drivers and what they were told to do without

std::filesystem::path cache_file(const Caps& caps) {
  Hasher device;
  device.add(caps.device_name).add(caps.driver_info);
  for (const std::string& word : caps.masked) device.add(word);
  return cache_folder() /
         fmt::format("choices-{:08x}-{:08x}-{:08x}-{}.json", caps.vendor_id, caps.device_id, caps.driver_version, device.hex());
}

// {device: {question: answer}}
nlohmann::json read_json(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return nlohmann::json::object();
  try {
    nlohmann::json json = nlohmann::json::parse(read_text(file), nullptr, false);
    return json.is_object() ? json : nlohmann::json::object();
  } catch (const InputError&) {
    return nlohmann::json::object();  // it may not be read
  }
}

void take_section(Choices& choices, const nlohmann::json& devices, const Caps& caps) {
  const auto answers = devices.find(caps.device_name);
  if (answers == devices.end() || !answers->is_object()) return;
  for (const auto& [question, answer] : answers->items())
    if (answer.is_string()) choices.set(question, answer.get<std::string>());
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

void Choices::take(const std::filesystem::path& file, const Caps& caps) { take_section(*this, read_json(file), caps); }

void Choices::share(const std::filesystem::path& file, const Caps& caps) {
  AtomicFile out(file);  // from here on no other process reads what this one is about to replace
  nlohmann::json devices = read_json(file);
  take_section(*this, devices, caps);
  devices[caps.device_name] = answers_;
  const std::string text = devices.dump(1) + "\n";
  out.write(std::as_bytes(std::span(text)));
  out.commit();
}

Choices Choices::cached(const Caps& caps) {
  Choices choices;
  choices.take(cache_file(caps), caps);
  return choices;
}

std::string Choices::save(const Caps& caps) const {
  const std::filesystem::path file = cache_file(caps);
  return try_to_cache(file, [&] {
    Choices lasting;
    for (const auto& [question, answer] : answers_)
      if (!question.starts_with(choices_by_memory)) lasting.set(question, answer);
    lasting.share(file, caps);
    prune_cache("choices-", most_cached_devices);
  });
}

}  // namespace ablate
