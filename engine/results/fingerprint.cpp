#include "results/fingerprint.h"

#include "base/error.h"
#include "base/hash.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>

namespace ablate {
namespace {

using Facts = Fingerprint::Facts;
constexpr std::string_view content = Fingerprint::content, not_read = Fingerprint::not_read;

std::string shown(const std::string& value) {
  if (!value.starts_with(content)) return value;
  return value.size() > content.size() + 8 ? value.substr(0, content.size() + 8) + "..." : value;
}

}  // namespace

bool lies_in(std::string_view key, std::string_view table) {
  return key.starts_with(table) && (key.size() == table.size() || key[table.size()] == '.' || key[table.size()] == '[');
}

std::string Fingerprint::text() const { return nlohmann::json(facts_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

Fingerprint Fingerprint::parse(std::string_view text, const std::string& where) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const bool right =
      json.is_object() && !json.empty() && std::all_of(json.begin(), json.end(), [](const auto& fact) { return fact.is_string(); });
  require(right, "{}: of a version that did not note which settings made it, so nothing can go on from it: run it again", where);
  return Fingerprint(json.get<Facts>());
}

std::string Fingerprint::get(std::string_view key) const {
  const auto at = facts_.find(key);
  return at == facts_.end() ? "" : at->second;
}

std::int64_t Fingerprint::steps() const {
  const std::string text = get("train.steps");
  std::int64_t steps = 0;
  std::from_chars(text.data(), text.data() + text.size(), steps);
  return steps;
}

std::string Fingerprint::hash(const std::vector<std::string>& without_tables) const {
  Hasher hasher;
  for (const auto& [key, value] : facts_) {
    const bool without = std::any_of(without_tables.begin(), without_tables.end(),
                                     [&, &key = key](const std::string& table) { return lies_in(key, table); });
    if (!without) hasher.add(key).add(value);
  }
  return hasher.hex();
}

std::vector<Difference> differences(const Fingerprint& was, const Fingerprint& is) {
  std::set<std::string> keys;
  for (const Fingerprint* fingerprint : {&was, &is})
    for (const auto& [key, value] : fingerprint->facts()) keys.insert(key);
  const auto value_of = [](const Fingerprint& fingerprint, const std::string& key) {
    const auto at = fingerprint.facts().find(key);
    return at == fingerprint.facts().end() ? std::string("not set") : at->second;
  };
  std::vector<Difference> all;
  for (const std::string& key : keys) {
    const std::string a = value_of(was, key), b = value_of(is, key);
    const bool open = (a == not_read && b.starts_with(content)) || (b == not_read && a.starts_with(content));
    if (a != b && !open) all.push_back({key, a, b});
  }
  return all;
}

Fingerprint completed(const Fingerprint& a, const Fingerprint& b) {
  Facts facts = a.facts();
  for (auto& [key, value] : facts)
    if (value == not_read && !b.get(key).empty()) value = b.get(key);
  return Fingerprint(std::move(facts));
}

std::string to_text(const std::vector<Difference>& differences) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(differences.size(), most); ++i)
    text += fmt::format("{}{}: {} -> {}", i ? ", " : "", differences[i].key, shown(differences[i].was), shown(differences[i].is));
  return differences.size() > most ? fmt::format("{} and {} more", text, differences.size() - most) : text;
}

bool require_continuable(const Fingerprint& was, const Fingerprint& is, std::int64_t done, const std::string& where) {
  const std::vector<Difference> all = differences(was, is);
  if (all.empty()) return true;
  const bool only_steps = all.size() == 1 && all[0].key == "train.steps" && is.get("kind") == "\"train\"";
  std::string why;
  if (only_steps && is.get("train.schedule") != "\"constant\"")
    why = " (its schedule's rates depend on it; under a constant one it could change)";
  else if (only_steps && is.steps() < done) why = fmt::format(" ({} steps are done)", done);
  require(only_steps && why.empty(), "{}: made with other settings, {}{}: give another --out, or run without --resume", where, to_text(all),
          why);
  return false;
}

void SweepFingerprints::add(const std::string& id, const Fingerprint& fingerprint) {
  own_.erase(id);
  const Facts& facts = fingerprint.facts();
  if (own_.empty()) shared_ = facts;
  for (auto fact = shared_.begin(); fact != shared_.end();) {  // what it does not share is from now on each other's own
    const auto at = facts.find(fact->first);
    if (at != facts.end() && at->second == fact->second) {
      ++fact;
      continue;
    }
    for (auto& [other, own] : own_) own.insert(*fact);
    fact = shared_.erase(fact);
  }
  Facts& own = own_[id];
  for (const auto& fact : facts)
    if (!shared_.contains(fact.first)) own.insert(fact);
}

Fingerprint SweepFingerprints::at(const std::string& id) const {
  Facts facts = shared_;
  for (const auto& [key, value] : own_.at(id)) facts.insert_or_assign(key, value);
  return Fingerprint(std::move(facts));
}

std::optional<std::pair<std::string, std::vector<Difference>>> first_conflict(const SweepFingerprints& a, const SweepFingerprints& b) {
  if (a == b) return std::nullopt;
  for (const auto& [id, own] : a.own()) {
    if (!b.knows(id)) continue;
    if (auto all = differences(a.at(id), b.at(id)); !all.empty()) return std::pair(id, std::move(all));
  }
  return std::nullopt;
}

}  // namespace ablate
