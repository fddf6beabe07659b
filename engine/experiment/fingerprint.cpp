#include "experiment/fingerprint.h"

#include "base/error.h"
#include "base/file_hash.h"
#include "base/hash.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>

namespace ablate {
namespace {

using Facts = Fingerprint::Facts;
using Files = Fingerprint::Files;

/// Raise it whenever the same settings would give other numbers than before.
constexpr int arithmetic_version = 1;

struct LeftOut {
  const char* key;  ///< with all below it
  const char* reason;
};
constexpr LeftOut left_out[] = {
    {"name", "names the folder of the results"},
    {"title", "words"},
    {"description", "words"},
    {"report", "how the report shows what was measured"},
    {"device", "devices agree to rounding, and points of one sweep may be shared out among them; the manifest names the device"},
    {"train.log_every", "which steps get a line in metrics.jsonl"},
    {"train.checkpoint_every", "a resumed training has the bits of one that never stopped"},
};

constexpr std::string_view content = "content ", not_read = "content not read";

bool lies_in(std::string_view key, std::string_view table) {
  return key.starts_with(table) && (key.size() == table.size() || key[table.size()] == '.' || key[table.size()] == '[');
}

bool counts(std::string_view key) {
  return std::none_of(std::begin(left_out), std::end(left_out), [&](const LeftOut& entry) { return lies_in(key, entry.key); });
}

/// Of several files, in their order, one hash of all.
std::string content_text(const std::vector<std::string>& files, Files policy) {
  std::vector<std::string> hashes;
  Hasher all;
  for (const std::string& file : files) {
    const std::optional<std::string> hash = policy == Files::read ? content_hash(file) : known_content_hash(file);
    if (!hash) return std::string(not_read);
    all.add(hashes.emplace_back(*hash));
  }
  return std::string(content) + (hashes.size() == 1 ? hashes[0] : all.hex());
}

/// A list of tables is numbered from 1, as people count [[intervention]]s.
void add(Facts& facts, const std::string& key, const Value& value, Files policy) {
  const auto* list = value.as<Value::Array>();
  if (const auto* table = value.as<Value::Table>()) {
    for (const auto& [name, item] : *table) add(facts, key.empty() ? name : key + "." + name, item, policy);
  } else if (list && !list->empty() && list->front().as<Value::Table>()) {
    for (std::size_t i = 0; i < list->size(); ++i) add(facts, fmt::format("{}[{}]", key, i + 1), (*list)[i], policy);
  } else if (counts(key)) {
    const auto* text = value.as<std::string>();
    facts[key] = !value.files.empty() ? content_text(value.files, policy) : text ? '"' + *text + '"' : to_text(value);
  }
}

/// statistics = "@ID" is what another point records: whatever decides that decides this.
void add_other_points(Facts& facts, const Plan& plan, const Point& point, Files policy) {
  const Facts own = facts;
  for (const auto& [key, value] : own) {
    if (!key.starts_with("intervention[") || !key.ends_with(".statistics") || !value.starts_with("\"@")) continue;
    const std::string id = value.substr(2, value.size() - 3);
    const auto other = std::find_if(plan.points.begin(), plan.points.end(), [&](const Point& p) { return p.id == id; });
    if (other == plan.points.end() || other->id == point.id) continue;  // refused by whoever reads the statistics
    const Fingerprint that = Fingerprint::of_table(resolve(*other), policy);
    const bool known = std::none_of(that.facts().begin(), that.facts().end(), [](const auto& fact) { return fact.second == not_read; });
    facts[key + " of that point"] = known ? std::string(content) + that.hash() : std::string(not_read);
  }
}

std::string shown(const std::string& value) {
  if (!value.starts_with(content)) return value;
  return value.size() > content.size() + 8 ? value.substr(0, content.size() + 8) + "..." : value;
}

}  // namespace

Fingerprint Fingerprint::of_table(const Value& resolved, Files files) {
  Facts facts;
  add(facts, "", resolved, files);
  facts["arithmetic"] = fmt::format("version {}", arithmetic_version);
  return Fingerprint(std::move(facts));
}

Fingerprint Fingerprint::of(const Plan& plan, const Point& point, Files files) {
  Fingerprint fingerprint = of_table(resolve(point), files);
  add_other_points(fingerprint.facts_, plan, point, files);
  return fingerprint;
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

SweepFingerprints::SweepFingerprints(const Plan& plan) {
  for (const Point& point : plan.points) try {
      add(point.id, Fingerprint::of(plan, point, Files::if_known));
    } catch (const InputError&) {
      continue;  // a point that is not run here, and could not be
    }
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
