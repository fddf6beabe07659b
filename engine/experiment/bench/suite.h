// Suites: tables of what was published for a device, what is asked of us, and what we measure. A suite is a list of rows that registers
// itself.
#pragma once

#include "experiment/bench/bench.h"
#include "experiment/bench/training.h"

#include <filesystem>
#include <optional>

namespace ablate {

/// Somebody else's figure, in the row's unit.
struct Peer {
  std::string name;  ///< "cuBLAS"
  double figure = 0;
};

struct SuiteContext {
  Pipelines& pipelines;
  Tuner& tuner;
  double seconds = 0.5;  ///< to spend measuring each row, and each kernel that comes into question a fifth of that
};

struct SuiteFigure {
  double value = 0;      ///< in the row's unit
  std::string how = "";  ///< the kernels, or the memory it took
};

struct SuiteRow {
  std::string id;    ///< "matmul-f32": what --rows and peers' files call it
  std::string what;  ///< "f32 matmul 8192^3"
  std::string unit;  ///< "TFLOP/s"
  std::vector<Peer> published{};
  std::optional<double> asked{};  ///< at least this; see at_most
  /// Throws DeviceError when the device cannot do it or has not the memory.
  std::function<SuiteFigure(const SuiteContext&)> measure{};
  bool at_most = false;  ///< what is asked is the most it may be
};

struct Suite {
  std::string title;
  std::string device;  ///< what the published figures were measured on
  std::vector<SuiteRow> rows;
};

/// The rows may depend on the device.
struct SuiteRegistration {
  SuiteRegistration(const std::string& name, std::function<Suite(const Caps&)> suite);
};
/// Throws InputError naming the known suites.
Suite find_suite(const std::string& name, const Caps& caps);

/// The same rows measured by others on this device: {"device": "...", "rows": {"matmul-f32": {"PyTorch": 50.1}}}, figures in the rows'
/// units; what is no number there (the error of one that failed) is left out.
struct MeasuredPeers {
  std::string device;
  std::vector<std::pair<std::string, std::vector<Peer>>> rows;
  const std::vector<Peer>& of(const std::string& id) const;  ///< none: empty
};
/// Throws InputError when the file is not of that form.
MeasuredPeers read_peers(const std::filesystem::path& file);

struct SuiteResult {
  SuiteRow row;
  SuiteFigure ours;
  std::vector<Peer> measured;  ///< of the row's peers on this device
  std::string failure;         ///< why there is no figure

  bool reached() const { return failure.empty() && row.asked && (row.at_most ? ours.value <= *row.asked : ours.value >= *row.asked); }
};

SuiteResult measure(const SuiteContext& context, const SuiteRow& row, const MeasuredPeers& peers);

/// A table for the terminal; and {"suite": ..., "device": ..., "peers_device": ..., "rows": [...]}.
std::string format_suite(const Suite& suite, const std::vector<SuiteResult>& results, const MeasuredPeers& peers, const Caps& caps);
std::string suite_to_json(const Suite& suite, const std::vector<SuiteResult>& results, const MeasuredPeers& peers, const Caps& caps);

}  // namespace ablate
