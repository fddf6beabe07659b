#include "experiment/run/checkpoint_folder.h"

#include <charconv>
#include <map>
#include <memory>

namespace ablate {
namespace fs = std::filesystem;

// The optimizer's state is written last: a folder that has it is complete.
static bool complete(const fs::path& folder) { return fs::exists(folder / "optimizer.safetensors"); }

CheckpointContent CheckpointContent::of(const Weights& weights, const Trainer& trainer, const Fingerprint& settings,
                                        const std::string& device) {
  return {weights.config(), weights.tensors_to_write(), trainer.state_to_write(),
          trainer.state_notes({{"settings", settings.text()}, {"device", device}})};
}

static std::vector<TensorToWrite> in_memory(const std::vector<TensorToWrite>& tensors) {
  std::vector<TensorToWrite> copies;
  for (const TensorToWrite& tensor : tensors) {
    const auto bytes = std::make_shared<std::vector<std::byte>>();
    std::size_t size = safetensors_element_size(tensor.dtype);
    for (const std::int64_t dimension : tensor.shape) size *= static_cast<std::size_t>(dimension);
    bytes->reserve(size);
    tensor.produce([&](std::span<const std::byte> piece) { bytes->insert(bytes->end(), piece.begin(), piece.end()); });
    copies.push_back({tensor.name, tensor.dtype, tensor.shape, [bytes](const ByteSink& sink) { sink(*bytes); }});
  }
  return copies;
}

CheckpointContent CheckpointContent::copied() const { return {config, in_memory(weights), in_memory(state), notes}; }

static std::string note_of(const SafetensorsFile& state, const char* key) {
  const auto at = state.metadata().find(key);
  return at == state.metadata().end() ? std::string() : at->second;
}

// "checkpoint-120" is of step 120; -1 for any other name.
static std::int64_t step_in_name(const fs::path& folder) {
  constexpr std::string_view begin = "checkpoint-";
  const std::string name = folder.filename().string();
  std::int64_t step = -1;
  if (!name.starts_with(begin)) return -1;
  const auto [end, error] = std::from_chars(name.data() + begin.size(), name.data() + name.size(), step);
  return error == std::errc() && end == name.data() + name.size() ? step : -1;
}

// The checkpoint before the newest: kept under its step, or removed; and so the oldest of those that were kept.
void TrainingCheckpoint::put_away(const fs::path& old) const {
  if (keep_ > 1 && complete(old)) {
    const fs::path named = point_ / ("checkpoint-" + note_of(SafetensorsFile(old / "optimizer.safetensors"), "step"));
    fs::remove_all(named);
    fs::rename(old, named);
  }
  fs::remove_all(old);
  std::map<std::int64_t, fs::path> kept;
  for (const fs::directory_entry& entry : fs::directory_iterator(point_))
    if (const std::int64_t step = step_in_name(entry.path()); step >= 0) kept.emplace(step, entry.path());
  for (; std::ssize(kept) > keep_ - 1; kept.erase(kept.begin())) fs::remove_all(kept.begin()->second);
}

void TrainingCheckpoint::save(const CheckpointContent& content) const {
  const fs::path fresh = point_ / "checkpoint.new", current = point_ / "checkpoint", old = point_ / "checkpoint.old";
  try {
    fs::remove_all(fresh);
    write_checkpoint(fresh, content.config, content.weights);
    write_safetensors(fresh / "optimizer.safetensors", content.state, content.notes);
    if (fs::exists(current)) {
      put_away(old);  // of a run that was killed here
      fs::rename(current, old);
    }
    fs::rename(fresh, current);
    sync_folder(point_);
    put_away(old);
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
  SavedTraining saved{state.path(), 0, Fingerprint::parse(note_of(state, "settings"), folder.string()), note_of(state, "device")};
  const std::string step = note_of(state, "step");
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
