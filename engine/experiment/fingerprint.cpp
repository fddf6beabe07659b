#include "experiment/fingerprint.h"

#include "base/error.h"
#include "base/file_hash.h"
#include "base/hash.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace {

using Facts = Fingerprint::Facts;

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
    {"train.recompute", "what is computed twice has the same bits"},
    {"train.log_every", "which steps get a line in metrics.jsonl"},
    {"train.checkpoint_every", "a resumed training has the bits of one that never stopped"},
    {"train.checkpoint_minutes", "as train.checkpoint_every"},
    {"train.checkpoint_keep", "as train.checkpoint_every"},
};

constexpr std::string_view content = Fingerprint::content, not_read = Fingerprint::not_read;

bool counts(std::string_view key) {
  return std::none_of(std::begin(left_out), std::end(left_out), [&](const LeftOut& entry) { return lies_in(key, entry.key); });
}

/// Of several files, in their order, one hash of all.
std::string content_text(const std::vector<std::string>& files, FileContents policy) {
  std::vector<std::string> hashes;
  Hasher all;
  for (const std::string& file : files) {
    const std::optional<std::string> hash = policy == FileContents::read ? content_hash(file) : known_content_hash(file);
    if (!hash) return std::string(not_read);
    all.add(hashes.emplace_back(*hash));
  }
  return std::string(content) + (hashes.size() == 1 ? hashes[0] : all.hex());
}

/// A list of tables is numbered from 1, as people count [[intervention]]s.
void add(Facts& facts, const std::string& key, const Value& value, FileContents policy) {
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
void add_other_points(Facts& facts, const Plan& plan, const Point& point, FileContents policy) {
  const Facts own = facts;
  for (const auto& [key, value] : own) {
    if (!key.starts_with("intervention[") || !key.ends_with(".statistics") || !value.starts_with("\"@")) continue;
    const std::string id = value.substr(2, value.size() - 3);
    const auto other = std::find_if(plan.points.begin(), plan.points.end(), [&](const Point& p) { return p.id == id; });
    if (other == plan.points.end() || other->id == point.id) continue;  // refused by whoever reads the statistics
    const Fingerprint that = fingerprint_of_table(resolve(*other), policy);
    const bool known = std::none_of(that.facts().begin(), that.facts().end(), [](const auto& fact) { return fact.second == not_read; });
    facts[key + " of that point"] = known ? std::string(content) + that.hash() : std::string(not_read);
  }
}

}  // namespace

Fingerprint fingerprint_of_table(const Value& resolved, FileContents files) {
  Facts facts;
  add(facts, "", resolved, files);
  facts["arithmetic"] = fmt::format("version {}", arithmetic_version);
  return Fingerprint(std::move(facts));
}

Fingerprint fingerprint_of(const Plan& plan, const Point& point, FileContents files) {
  Facts facts = fingerprint_of_table(resolve(point), files).facts();
  add_other_points(facts, plan, point, files);
  return Fingerprint(std::move(facts));
}

SweepFingerprints sweep_fingerprints(const Plan& plan) {
  SweepFingerprints all;
  for (const Point& point : plan.points) try {
      all.add(point.id, fingerprint_of(plan, point, FileContents::if_known));
    } catch (const InputError&) {
      continue;  // a point that is not run here, and could not be
    }
  return all;
}

}  // namespace ablate
