// Which of several equally right kernels an op takes on a device.
#pragma once

#include "vulkan/caps.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ablate {

/// The op's own words: question -> answer ("matmul nt f16 4096x4096x512" -> "coopmat 128x256x16 ..."). Different answers may round
/// differently, so a run keeps the ones it started with: they are written to its folder and read back when it resumes. An op whose
/// question is not answered takes its default.
class Choices {
 public:
  /// The answer, and notes that the question was asked.
  std::optional<std::string> find(const std::string& question) const;
  void set(const std::string& question, const std::string& answer) { answers_[question] = answer; }

  /// Questions that find() could not answer, in alphabetical order: work for a tuner.
  std::set<std::string> open() const;
  /// Answers to questions that were asked.
  std::map<std::string, std::string> used() const;
  const std::map<std::string, std::string>& answers() const { return answers_; }

  /// What was tuned on this device with this driver and these masks before; none the first time, or when the file cannot be read.
  static Choices cached(const Caps& caps);
  /// Takes a file's answers for this device over these; there are none when it is missing or cannot be read.
  void take(const std::filesystem::path& file, const Caps& caps);
  /// Agrees with all that write to the file: takes its answers for this device over these, and adds those that it lacks. Throws RunError.
  void share(const std::filesystem::path& file, const Caps& caps);
  /// Adds the answers to the cache. What the cache already answers stays as it is. Returns why that was not possible, as CacheFile::keep
  /// does, or "".
  std::string save(const Caps& caps) const;

 private:
  std::map<std::string, std::string> answers_;
  mutable std::set<std::string> asked_;
};

}  // namespace ablate
