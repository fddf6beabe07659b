// What a device can do: found once, never changed, maskable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ablate {

/// One shape of matrix the device multiplies cooperatively (16-bit in, `accumulate32`: 32-bit float accumulator).
struct CoopShape {
  std::uint32_t m = 0, n = 0, k = 0;
  bool bf16 = false;  ///< inputs are bfloat16 rather than binary16
  bool accumulate32 = true;
};

struct Caps {
  std::string device_name, driver_name, driver_info, type;  ///< type: "discrete", "integrated", "virtual", "cpu", "other"
  std::uint32_t vendor_id = 0, device_id = 0, driver_id = 0, driver_version = 0;
  std::string api_version;

  std::uint32_t subgroup_size = 1, min_subgroup_size = 1, max_subgroup_size = 1;
  std::uint32_t max_invocations = 128;  ///< per workgroup
  std::uint32_t max_groups = 65535;     ///< per dispatch dimension
  std::uint32_t shared_memory = 16384;  ///< bytes per workgroup
  std::uint32_t registers = 256;        ///< of 32 bits that a lane has (vulkan/registers.h)
  std::uint32_t lean_registers = 256;   ///< of them, how many kernels that often wait take: more leave too few subgroups on the device
  std::uint32_t matrix_bytes = 24576;   ///< of a subgroup's registers that cooperative matrices may take
  std::uint64_t max_allocation = 1ull << 30;  ///< bytes of one memory allocation, and of one buffer
  std::uint64_t max_elements = 1ull << 31;    ///< of a tensor that one launch works on: kernels' indices have 32 bits and a sign
  std::uint64_t device_heap = 0;              ///< bytes of the largest device-local heap
  double max_submission = 0.1;                ///< seconds that work is cut to: systems end a submission that takes much longer
  float timestamp_period = 0;                 ///< nanoseconds per tick; 0: no timestamps
  bool unified_memory = false;                ///< the device's own memory is mapped by the host

  // The bits that select kernels; each can be masked by its name (see mask()).
  bool subgroup_arithmetic = false;    ///< "subgroup-arithmetic": reductions inside a subgroup
  bool subgroup_ballot = false;        ///< "subgroup-ballot": broadcasts inside a subgroup
  bool subgroup_size_control = false;  ///< "subgroup-size-control": a kernel can ask for a subgroup size
  bool storage16 = false;              ///< "storage16": 16-bit loads and stores; without it everything is stored as f32
  bool f16 = false;                    ///< "f16": 16-bit float arithmetic
  bool coopmat = false;                ///< "coopmat": VK_KHR_cooperative_matrix, f16 in, f32 accumulator, subgroup scope
  bool coopmat_bf16 = false;           ///< "coopmat-bf16": the same with bfloat16 inputs
  bool coopmat2 = false;               ///< "coopmat2": VK_NV_cooperative_matrix2 with all that its kernels use
  std::vector<CoopShape> coop_shapes;

  std::vector<std::string> masked;  ///< what was masked, in the order asked
  std::vector<std::string> quirks;  ///< rows of quirks.cpp that matched this driver

  /// Masks a comma-separated list of bits ("coopmat,f16") and limits ("shared=16384", "invocations=128", "registers=128",
  /// "allocation=134217728", "elements=...", "heap=...", "submission=MILLISECONDS"). Masking f16 masks the cooperative-matrix bits, which need it. Throws InputError naming the word and the known ones.
  void mask(const std::string& list);

  /// Names of the bits that are set.
  std::vector<std::string> names() const;

  /// The kernel tier of 16-bit matrix products: "coopmat2", "coopmat", or "portable".
  std::string matmul_tier() const;
  bool is_cpu() const { return type == "cpu"; }
};

}  // namespace ablate
