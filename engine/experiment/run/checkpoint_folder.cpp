#include "experiment/run/checkpoint_folder.h"

#include <charconv>
#include <vector>

namespace ablate {
namespace fs = std::filesystem;

// The optimizer's state is written last: a folder that has it is complete.
static bool complete(const fs::path& folder) { return fs::exists(folder / "optimizer.safetensors"); }

void TrainingCheckpoint::save(const Weights& weights, const Trainer& trainer, const Fingerprint& settings,
                              const std::string& device) const {
  const fs::path fresh = point_ / "checkpoint.new", current = point_ / "checkpoint", old = point_ / "checkpoint.old";
  try {
    fs::remove_all(fresh);
    const auto tensors = weights.tensors_to_write();
    write_checkpoint(fresh, weights.config(), tensors);
    trainer.save(fresh / "optimizer.safetensors", {{"settings", settings.text()}, {"device", device}});
    fs::remove_all(old);
    if (fs::exists(current)) fs::rename(current, old);
    fs::rename(fresh, current);
    sync_folder(point_);
    fs::remove_all(old);
  } catch (const fs::filesystem_error& error) {
    throw RunError(fmt::format("{}: the checkpoint cannot be written ({})", current.string(), error.code().message()));
  }
}

// A kill between the two renames leaves no `checkpoint`, but a complete new and a complete old one.
fs::path TrainingCheckpoint::newest() const {
  for (const char* name : {"checkpoint", "checkpoint.new", "checkpoint.old"})
    if (complete(point_ / name)) return point_ / name;
  return {};
}

std::optional<SavedTraining> TrainingCheckpoint::saved() const {
  const fs::path folder = newest();
  if (folder.empty()) return std::nullopt;
  const SafetensorsFile state(folder / "optimizer.safetensors");
  const auto note = [&](const char* key) {
    const auto at = state.metadata().find(key);
    return at == state.metadata().end() ? std::string() : at->second;
  };
  SavedTraining saved{state.path(), 0, Fingerprint::parse(note("settings"), folder.string()), note("device")};
  const std::string step = note("step");
  std::from_chars(step.data(), step.data() + step.size(), saved.step);
  return saved;
}

bool TrainingCheckpoint::load(Weights& weights, Trainer& trainer) const {
  const fs::path folder = newest();
  if (folder.empty()) return false;
  weights.load(CheckpointFolder(folder));
  trainer.load(folder / "optimizer.safetensors");
  return true;
}

}  // namespace ablate
