#include "ops/matmul_kernels.h"

#include <algorithm>
#include <cstdio>

namespace ablate {
namespace {

// Largest tiles first: the default is the first that gives the device enough workgroups. What each gave where is in docs/performance.md.
constexpr struct {
  std::uint32_t m, n, k, part_m, part_n;
} tiled_table[] = {{128, 128, 8, 8, 8}, {256, 128, 8, 16, 8}, {128, 128, 8, 16, 8}, {128, 64, 8, 8, 8}, {64, 64, 8, 8, 8},
                   {64, 64, 8, 8, 4},   {64, 64, 16, 4, 4},   {32, 64, 16, 4, 4},   {32, 32, 16, 4, 4}};

constexpr struct CoopmatTile {
  std::uint32_t m, n, k, part_m, part_n;
} coopmat_table[] = {{128, 128, 64, 64, 64}, {128, 128, 32, 64, 64}, {128, 256, 32, 64, 64}, {256, 128, 32, 64, 64},
                     {128, 128, 64, 64, 32}, {128, 64, 64, 32, 32},  {64, 64, 64, 32, 32},   {64, 64, 32, 32, 32},
                     {32, 64, 32, 16, 32},   {32, 32, 32, 16, 16},   {16, 16, 16, 16, 16}};

// Where a subgroup's registers hold no larger part: many subgroups share what is in shared memory.
constexpr std::uint32_t roomy_matrices = 8192;
constexpr CoopmatTile small_coopmat_table[] = {{32, 64, 16, 8, 16}, {32, 32, 16, 8, 16}};

constexpr struct {
  std::uint32_t m, n, k, lanes, slices;
} coopmat2_table[] = {{128, 256, 32, 256, 16}, {128, 256, 64, 256, 8}, {128, 128, 32, 128, 8}, {64, 128, 32, 128, 8}, {64, 64, 32, 64, 8}};

constexpr const char* layouts[] = {"nn", "nt", "tn"};
constexpr std::uint64_t enough_workgroups = 128;  // a big GPU's multiprocessors, roughly; Vulkan does not tell
constexpr std::uint32_t most_splits = 64, least_k_per_split = 256;

bool is_16_bit(DType type) { return type == DType::f16 || type == DType::bf16; }

std::uint32_t shared_bytes(const MatmulKernel& kernel, const MatmulProblem& p, const Caps& caps) {
  if (kernel.shader == "tiled") return 2 * kernel.k * (kernel.m + 4 + kernel.n + 4) * 4;
  if (kernel.shader != "coopmat") return 0;
  const std::uint32_t a = p.layout == Layout::tn ? kernel.k * (kernel.m + 8) : kernel.m * (kernel.k + 8);
  const std::uint32_t b = p.layout == Layout::nt ? kernel.n * (kernel.k + 8) : kernel.k * (kernel.n + 8);
  const std::uint32_t strips = kernel.lanes / caps.subgroup_size * coop_shape(caps, p.a)->m * (kernel.part_n + 4) * 4;  // of the product
  return std::max((a + b) * 2, strips);
}

// Of a lane of tiled: results, operands, what it fetches meanwhile and from where, and the rest, as compilers report them (Intel 136 for 8 x 4 by
// 16, RDNA 228 for 16 x 8 by 8).
std::uint32_t registers_of_tiled(const MatmulKernel& kernel) {
  const std::uint32_t fetches = (kernel.m + kernel.n) * kernel.k / 4 / std::max(kernel.lanes, 1u);
  return kernel.part_m * kernel.part_n + kernel.part_m + kernel.part_n + 5 * fetches + 72;
}

// Of a subgroup of coopmat: accumulators, and half of the 16-bit matrices that are multiplied.
std::uint32_t bytes_of_coopmat(const MatmulKernel& kernel) {
  return kernel.part_m * kernel.part_n * 4 + (kernel.part_m + kernel.part_n) * kernel.k;
}

bool fits_registers(const MatmulKernel& kernel, const Caps& caps) {
  if (kernel.shader == "tiled") return registers_of_tiled(kernel) <= caps.registers;
  return kernel.shader != "coopmat" || bytes_of_coopmat(kernel) <= caps.matrix_bytes;
}

bool has_types(const MatmulKernel& kernel, const MatmulProblem& p, const Caps& caps) {
  if (kernel.shader != "coopmat" && kernel.shader != "coopmat2") return true;
  const bool same = p.a == p.b && is_16_bit(p.a) && (p.c == DType::f32 || p.c == p.a);
  if (kernel.shader == "coopmat2") return same && caps.coopmat2 && (p.a == DType::f16 || caps.coopmat_bf16);
  const auto shape = coop_shape(caps, p.a);
  const bool tiles = shape && kernel.part_m % shape->m == 0 && kernel.part_n % shape->n == 0 && kernel.k % shape->k == 0;
  return same && tiles && kernel.lanes == kernel.m / kernel.part_m * (kernel.n / kernel.part_n) * caps.subgroup_size;
}

// Splits that give every multiprocessor work, one and two waves of it.
std::vector<std::uint32_t> useful_splits(const MatmulKernel& kernel, const MatmulProblem& p) {
  std::vector<std::uint32_t> splits{1};
  const std::uint64_t tiles = kernel.tiles(p);
  for (const std::uint64_t wanted : {enough_workgroups, 2 * enough_workgroups, 4 * enough_workgroups}) {
    const std::uint64_t s = std::min<std::uint64_t>({wanted / std::max<std::uint64_t>(tiles, 1), most_splits, p.k / least_k_per_split});
    if (s > 1 && std::find(splits.begin(), splits.end(), s) == splits.end()) splits.push_back(static_cast<std::uint32_t>(s));
  }
  return splits;
}

std::vector<MatmulKernel> table(const MatmulProblem& p, const Caps& caps) {
  std::vector<MatmulKernel> kernels;
  const auto add = [&](MatmulKernel kernel) {
    for (const std::uint32_t splits : useful_splits(kernel, p)) {
      kernel.splits = splits;
      if (fits(kernel, p, caps)) kernels.push_back(kernel);
    }
  };
  for (const auto& t : coopmat2_table) add({"coopmat2", t.m, t.n, t.k, t.m, t.n, t.lanes, t.slices, 1});
  if (caps.matrix_bytes < roomy_matrices)
    for (const auto& t : small_coopmat_table)
      add({"coopmat", t.m, t.n, t.k, t.part_m, t.part_n, t.m / t.part_m * (t.n / t.part_n) * caps.subgroup_size, 1, 1});
  for (const auto& t : coopmat_table) {
    if (caps.is_cpu() && t.part_m * t.part_n > 64 * 32) continue;  // a CPU's driver takes minutes to compile it
    add({"coopmat", t.m, t.n, t.k, t.part_m, t.part_n, t.m / t.part_m * (t.n / t.part_n) * caps.subgroup_size, 1, 1});
  }
  for (const auto& t : tiled_table) add({"tiled", t.m, t.n, t.k, t.part_m, t.part_n, t.m / t.part_m * (t.n / t.part_n), 2, 1});
  return kernels;
}

// A CPU runs a workgroup on one core, a subgroup in one vector register: no shared memory, no splits. The larger the tile the fewer the
// loads, and the longer the driver compiles (a second for the first, a tenth for the third): it must be worth it.
std::vector<MatmulKernel> cpu_table(const MatmulProblem& p, const Caps& caps) {
  std::vector<MatmulKernel> kernels;
  const std::uint32_t lanes = caps.subgroup_size;
  const double flop = 2.0 * p.batch * p.m * p.n * p.k;
  constexpr struct {
    std::uint32_t rows, columns;
    double least_flop;
  } tiles[] = {{16, 4, 2e9}, {16, 2, 2e8}, {8, 2, 0}, {4, 1, 0}};
  for (const auto& t : tiles) {
    const MatmulKernel kernel{"subgroup", t.rows, t.columns * lanes, lanes, t.rows, t.columns, lanes, 1, 1};
    if (flop >= t.least_flop && fits(kernel, p, caps)) kernels.push_back(kernel);
  }
  return kernels;
}

}  // namespace

std::string MatmulProblem::question() const {
  return fmt::format("matmul {} {}x{}x{}*{} {} {} {} grouped {} {} {}{}{}", layouts[static_cast<int>(layout)], m, n, k, batch, name_of(a),
                     name_of(b), name_of(c), a_group, b_group, c_group, bias ? " bias" : "", residual ? " residual" : "");
}

std::optional<MatmulProblem> parse_matmul_problem(const std::string& question) {
  MatmulProblem p;
  char layout[3] = "", a[16] = "", b[16] = "", c[16] = "";
  std::sscanf(question.c_str(), "matmul %2s %ux%ux%u*%u %15s %15s %15s grouped %u %u %u", layout, &p.m, &p.n, &p.k, &p.batch, a, b, c,
              &p.a_group, &p.b_group, &p.c_group);
  for (int i = 0; i < 3; ++i)
    if (std::string_view(layout) == layouts[i]) p.layout = static_cast<Layout>(i);
  p.a = parse_type(a).value_or(DType::f32), p.b = parse_type(b).value_or(DType::f32), p.c = parse_type(c).value_or(DType::f32);
  p.bias = question.find(" bias") != std::string::npos;
  p.residual = question.find(" residual") != std::string::npos;
  if (p.question() != question) return std::nullopt;
  return p;
}

std::string to_string(const MatmulKernel& k) {
  return fmt::format("{} {}x{}x{} of {}x{}, {} lanes, {} buffers, {} splits", k.shader, k.m, k.n, k.k, k.part_m, k.part_n, k.lanes,
                     k.buffers, k.splits);
}

std::optional<MatmulKernel> parse_matmul_kernel(const std::string& text) {
  MatmulKernel k;
  char shader[16] = "";
  const int read = std::sscanf(text.c_str(), "%15[a-z0-9] %ux%ux%u of %ux%u, %u lanes, %u buffers, %u splits", shader, &k.m, &k.n, &k.k,
                               &k.part_m, &k.part_n, &k.lanes, &k.buffers, &k.splits);
  k.shader = shader;
  const bool positive = k.m && k.n && k.k && k.part_m && k.part_n && k.buffers && k.splits;
  if (read != 9 || !positive) return std::nullopt;
  return k;
}

std::optional<CoopShape> coop_shape(const Caps& caps, DType type) {
  if (!(type == DType::f16 ? caps.coopmat : type == DType::bf16 && caps.coopmat_bf16)) return std::nullopt;
  std::optional<CoopShape> best;
  for (const CoopShape& shape : caps.coop_shapes) {
    if (shape.bf16 != (type == DType::bf16) || !shape.accumulate32 || shape.k % 8 != 0) continue;
    const auto unlike = [](const CoopShape& s) { return (s.m != 16) + (s.n != 16) + (s.k != 16); };
    if (!best || unlike(shape) < unlike(*best)) best = shape;
  }
  return best;
}

bool fits(const MatmulKernel& kernel, const MatmulProblem& p, const Caps& caps) {
  if (kernel.shader == "portable") return kernel.splits == 1;
  if (kernel.shader == "subgroup")
    return kernel.splits == 1 && caps.is_cpu() && caps.subgroup_ballot && caps.min_subgroup_size == caps.max_subgroup_size &&
           kernel.lanes == caps.subgroup_size && (!is_blocks(p.b) || (kernel.lanes >= 4 && kernel.lanes <= 16));  // a scale's values
  if (kernel.shader != "tiled" && kernel.shader != "coopmat" && kernel.shader != "coopmat2") return false;
  if (kernel.lanes > caps.max_invocations || !fits_registers(kernel, caps) || !has_types(kernel, p, caps) ||
      shared_bytes(kernel, p, caps) > caps.shared_memory)
    return false;
  const bool indexable = kernel.splits == 1 || std::uint64_t{p.m} * p.n * p.batch <= caps.max_elements / kernel.splits;
  if (!indexable) return false;
  if (kernel.splits > 1 && std::uint64_t{kernel.splits - 1} * kernel.k_per_split(p) >= p.k) return false;  // an empty piece
  const std::uint64_t across = (p.m + kernel.m - 1) / kernel.m, down = (p.n + kernel.n - 1) / kernel.n,
                      deep = std::uint64_t{p.batch} * kernel.splits;
  return std::max({across, down, deep}) <= caps.max_groups;
}

MatmulKernel default_matmul_kernel(const MatmulProblem& p, const Caps& caps) {
  const MatmulKernel last{"portable", 4, 4, 1, 4, 4, 0, 1, 1};
  const std::vector<MatmulKernel> kernels = caps.is_cpu() ? cpu_table(p, caps) : table(p, caps);
  if (kernels.empty()) return last;
  // The widest tile that is not mostly padding and keeps the device busy, by splitting K if it must; else the one with the most workgroups.
  const MatmulKernel* most = &kernels.front();
  for (const MatmulKernel& kernel : kernels) {
    if (kernel.shader != kernels.front().shader) break;  // of the best kind the device has
    const bool padded = kernel.m / 2 >= p.m || kernel.n / 2 >= p.n;
    if (!padded && (caps.is_cpu() || kernel.tiles(p) * kernel.splits >= enough_workgroups)) return kernel;
    if (kernel.tiles(p) * kernel.splits > most->tiles(p) * most->splits) most = &kernel;
  }
  return *most;
}

std::vector<MatmulKernel> all_matmul_kernels(const MatmulProblem& problem, const Caps& caps) {
  std::vector<MatmulKernel> all = table(problem, caps);
  for (const MatmulKernel& kernel : cpu_table(problem, caps)) all.push_back(kernel);
  all.push_back({"portable", 4, 4, 1, 4, 4, 0, 1, 1});
  return all;
}

std::vector<MatmulKernel> matmul_candidates(const MatmulProblem& problem, const Caps& caps) {
  std::vector<MatmulKernel> all{default_matmul_kernel(problem, caps)};
  // Subgroup-wide matrices win against workgroup-wide ones as often as not. Some drivers offer matrices that they only emulate: the best of plain
  // arithmetic finds them out.
  const std::string front = all.front().shader;  // a copy: the list grows
  bool plain = front == "coopmat";
  const auto worth = [&](const MatmulKernel& kernel) {
    if (kernel.shader == "tiled" && plain) return !(plain = false);
    return kernel.shader == front || (front == "coopmat2" && kernel.shader == "coopmat");
  };
  for (const MatmulKernel& kernel : caps.is_cpu() ? cpu_table(problem, caps) : table(problem, caps))
    if (worth(kernel) && to_string(kernel) != to_string(all.front())) all.push_back(kernel);
  return all;
}

}  // namespace ablate
