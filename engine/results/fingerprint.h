// What decides a point's numbers, so that no result claims settings that did not make it.
//
// A fingerprint goes wherever numbers are kept that somebody may take up again: into row.json, training checkpoints, the manifest (which
// `--resume` and `ablate report --merge` compare) and the key of the weights that points of a sweep share. It holds the resolved table,
// defaults included, key by key; where a key names files, a hash of what they hold instead of their names (a shader with all that it
// includes, a checkpoint's folder with its tokenizer); and the version of the arithmetic. experiment/fingerprint.cpp makes it, and lists what
// is left out, each with its reason.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Whether a dotted key is `table` or stands in it.
bool lies_in(std::string_view key, std::string_view table);

/// A key that two fingerprints disagree on; what one of them lacks is "not set".
struct Difference {
  std::string key, was, is;
};

class Fingerprint {
 public:
  /// Dotted names ("train.lr", "intervention[1].at") and values as TOML writes them; for files "content 5f3a...".
  using Facts = std::map<std::string, std::string, std::less<>>;

  /// What begins the value of a key that names files, and the value of one whose files nobody has read.
  static constexpr std::string_view content = "content ", not_read = "content not read";

  Fingerprint() = default;
  explicit Fingerprint(Facts facts) : facts_(std::move(facts)) {}

  /// One line of JSON, and back. Throws InputError "where: ..." for text that is none, or empty: results of a version that kept no
  /// fingerprints are not guessed at.
  std::string text() const;
  static Fingerprint parse(std::string_view text, const std::string& where);

  const Facts& facts() const { return facts_; }
  std::string get(std::string_view key) const;  ///< "" if it is not there
  std::int64_t steps() const;                   ///< train.steps; 0 where nothing is trained
  bool empty() const { return facts_.empty(); }

  /// Of everything; of everything outside these tables.
  std::string hash(const std::vector<std::string>& without_tables = {}) const;

 private:
  Facts facts_;
};

/// In alphabetical order of the keys.
std::vector<Difference> differences(const Fingerprint& was, const Fingerprint& is);
/// `a`, with what its files hold taken from `b` where `a` leaves that open.
Fingerprint completed(const Fingerprint& a, const Fingerprint& b);
/// "seed: 0 -> 77, train.lr: 0.01 -> 0.0001", at most eight of them.
std::string to_text(const std::vector<Difference>& differences);

/// Whether what was made with settings `was`, `done` training steps far, may be taken up with settings `is`. Returns whether it is the
/// same; if not, only `train.steps` differs, under a constant schedule, and is no less than `done`. Throws InputError "where: ..." naming
/// every key that differs otherwise.
bool require_continuable(const Fingerprint& was, const Fingerprint& is, std::int64_t done, const std::string& where);

/// The fingerprints of a sweep's points by their ids; what all share is kept once.
class SweepFingerprints {
 public:
  SweepFingerprints() = default;
  /// As the manifest keeps them: what all share, and by id what a point has besides.
  SweepFingerprints(Fingerprint::Facts shared, std::map<std::string, Fingerprint::Facts> own)
      : shared_(std::move(shared)), own_(std::move(own)) {}

  /// A point of the same id is replaced.
  void add(const std::string& id, const Fingerprint& fingerprint);

  bool empty() const { return own_.empty(); }
  bool knows(const std::string& id) const { return own_.contains(id); }
  Fingerprint at(const std::string& id) const;  ///< of a point that is known

  const Fingerprint::Facts& shared() const { return shared_; }
  const std::map<std::string, Fingerprint::Facts>& own() const { return own_; }
  bool operator==(const SweepFingerprints&) const = default;

 private:
  Fingerprint::Facts shared_;
  std::map<std::string, Fingerprint::Facts> own_;
};

/// The first point that both know, and know to be different; its id, and how.
std::optional<std::pair<std::string, std::vector<Difference>>> first_conflict(const SweepFingerprints& a, const SweepFingerprints& b);

}  // namespace ablate
