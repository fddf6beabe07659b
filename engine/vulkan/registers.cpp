#include "vulkan/registers.h"

#include <algorithm>

namespace ablate {
namespace {

/// VkDriverId; registers of 32 bits that a lane has where subgroups are of the smallest size; how many of them leave room for eight subgroups or
/// more; and the share of a subgroup's that
/// cooperative matrices may take before the compiler spills.
struct Row {
  std::uint32_t driver_id, registers, lean;
  double matrices;
};

constexpr double usual_share = 0.75;

constexpr Row rows[] = {
    {3, 256, 128, usual_share},  // AMD, Mesa RADV
    {1, 256, 128, usual_share},  // AMD, Windows
    {2, 256, 128, usual_share},  // AMD, AMDVLK
    // Intel: 128 registers as wide as the smallest subgroup, 4 or 8 KiB. Matrices are unpacked to them row by row: beyond 1/8 all spill.
    {6, 128, 128, 0.125},         // Mesa ANV
    {5, 128, 128, 0.125},         // Windows
    {18, 128, 128, usual_share},  // Adreno, Mesa turnip: 96 to 192, with the width that the compiler takes
    {8, 128, 128, usual_share},   // Adreno, Qualcomm
    {26, 128, 128, usual_share},  // Apple, Mesa Honeykrisp: 256 of 16 bits
    {14, 128, 128, usual_share},  // Apple, MoltenVK
    {19, 64, 64, usual_share},    // VideoCore, Mesa V3DV
    {12, 64, 64, usual_share},    // VideoCore, Broadcom
    {9, 64, 64, usual_share},     // Mali, Arm
    {20, 64, 64, usual_share},    // Mali, Mesa PanVK
};

using Names = std::initializer_list<const char*>;

double sum_of(const std::vector<std::pair<std::string, double>>& statistics, Names names) {
  double sum = -1;
  for (const auto& [name, value] : statistics)
    if (std::find(names.begin(), names.end(), name) != names.end()) sum = std::max(sum, 0.0) + value;
  return sum;
}

double largest_of(const std::vector<std::pair<std::string, double>>& statistics, Names names) {
  double largest = -1;
  for (const auto& [name, value] : statistics)
    if (std::find(names.begin(), names.end(), name) != names.end()) largest = std::max(largest, value);
  return largest;
}

}  // namespace

void apply_registers(Caps& caps) {
  double matrices = usual_share;
  for (const Row& row : rows)
    if (row.driver_id == caps.driver_id) caps.registers = row.registers, caps.lean_registers = row.lean, matrices = row.matrices;
  const bool at_smallest = caps.registers < 256;
  const std::uint32_t lanes = at_smallest ? caps.min_subgroup_size : caps.subgroup_size;
  caps.matrix_bytes = static_cast<std::uint32_t>(matrices * caps.registers * std::max(lanes, 1u) * 4);
}

// RADV; NVIDIA; ANV of Mesa 25.0 and 26; turnip; Honeykrisp; NVK; V3DV.
RegisterUse register_use(const std::vector<std::pair<std::string, double>>& statistics) {
  return {
      .registers = largest_of(statistics, {"VGPRs", "Register Count", "Max live registers", "Registers used", "GPRs", "Number of GPRs"}),
      .spills =
          sum_of(statistics, {"Spilled VGPRs", "Spilled SGPRs", "Spill Count", "Spills", "STP Count", "Spills to memory", "TMU Spills"}),
      .scratch = largest_of(statistics, {"Scratch size", "Local Memory Size", "Scratch Memory Size", "Scratch", "SLM size", "Spill Size"}),
      .shared = largest_of(statistics, {"LDS size", "Shared Memory Size", "Workgroup Memory Size"}),
      .occupancy =
          largest_of(statistics, {"Subgroups per SIMD", "Occupancy", "Max Waves Per Core", "Max warps/SM", "Threads", "Thread Count"})};
}

}  // namespace ablate
