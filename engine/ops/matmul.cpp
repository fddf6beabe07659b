#include "ops/matmul.h"

#include "ops/add.h"
#include "ops/convert.h"
#include "ops/copy.h"
#include "ops/matmul_kernels.h"

namespace ablate {
namespace {

std::uint32_t group_of(const Tensor& x) {
  if (is_blocks(x.dtype)) return 8;  // whole blocks
  for (const std::uint32_t group : {8u, 4u})
    if (x.dim(-1) % group == 0 && x.offset % (group * bytes_of(x.dtype)) == 0) return group;
  return 1;
}

MatmulProblem problem_of(const Tensor& a, const Tensor& b, Layout layout, const MatmulOptions& options) {
  require(a.shape.size() >= 2 && a.shape.size() == b.shape.size(), "matmul: {} and {}", to_string(a.shape), to_string(b.shape));
  MatmulProblem p{.a = a.dtype, .b = b.dtype, .c = options.out, .layout = layout};
  p.m = layout == Layout::tn ? a.dim(-1) : a.dim(-2);
  p.k = layout == Layout::tn ? a.dim(-2) : a.dim(-1);
  p.n = layout == Layout::nt ? b.dim(-2) : b.dim(-1);
  const std::uint32_t b_k = layout == Layout::nt ? b.dim(-1) : b.dim(-2);
  p.batch = 1;
  for (std::size_t i = 0; i + 2 < a.shape.size(); ++i) p.batch = dimension(std::uint64_t{p.batch} * a.shape[i], "matmul: batches");
  const bool batches = Shape(a.shape.begin(), a.shape.end() - 2) == Shape(b.shape.begin(), b.shape.end() - 2);
  require(p.k == b_k && batches, "matmul: {} and {} do not fit", to_string(a.shape), to_string(b.shape));
  require(!options.bias || (options.bias.size() == p.n && options.bias.dtype == DType::f32), "matmul: a bias of {} for {} columns",
          to_string(options.bias.shape), p.n);
  require(!is_blocks(p.a) && !is_blocks(p.c) && (!is_blocks(p.b) || layout == Layout::nt),
          "matmul: {} by {} into {}: blocks are multiplied as B stored (N, K) only", name_of(p.a), name_of(p.b), name_of(p.c));
  require(p.k % block_of(p.b).values == 0, "matmul: rows of {} are no whole blocks of {}", p.k, name_of(p.b));
  p.bias = static_cast<bool>(options.bias);
  p.residual = static_cast<bool>(options.residual);
  p.a_group = group_of(a);
  p.b_group = group_of(b);
  return p;
}

MatmulKernel kernel_for(const Graph& graph, const MatmulProblem& p, const std::string& named) {
  if (!named.empty()) {
    const auto kernel = parse_matmul_kernel(named);
    require(kernel && fits(*kernel, p, graph.caps()), "matmul: the kernel \"{}\" does not fit {}", named, p.question());
    return *kernel;
  }
  if (const auto answer = graph.choice(p.question()))
    if (const auto kernel = parse_matmul_kernel(*answer); kernel && fits(*kernel, p, graph.caps())) return *kernel;
  return default_matmul_kernel(p, graph.caps());
}

// Whole matrices of 16 bits are multiplied by units that read numbers. From some rows on they win back what it takes to decode B first, to the type that
// weights beside such activations have anyway.
bool multiplies_numbers(const Graph& graph, const MatmulProblem& p) {
  constexpr std::uint32_t enough_rows = 64;
  if (!is_blocks(p.b) || p.a == DType::f32 || p.m < enough_rows) return false;
  MatmulProblem numbers = p;
  numbers.b = p.a;
  return default_matmul_kernel(numbers, graph.caps()).shader.starts_with("coopmat");
}

Specialization constants_of(const MatmulProblem& p, DType out) {
  return {{"A_TYPE", static_cast<std::uint32_t>(p.a)},
          {"B_TYPE", static_cast<std::uint32_t>(p.b)},
          {"C_TYPE", static_cast<std::uint32_t>(out)},
          {"A_TRANSPOSED", p.layout == Layout::tn},
          {"B_TRANSPOSED", p.layout == Layout::nt}};
}

void append(Specialization& constants, std::initializer_list<std::pair<std::string, std::uint32_t>> more) {
  constants.insert(constants.end(), more);
}

// What a launch adds to the product: a piece of a split product adds nothing.
struct Epilogue {
  Tensor residual, bias;
};

Dispatch launch_on_cpu(const MatmulKernel& kernel, const MatmulProblem& p, const Tensor& a, const Tensor& b, const Tensor& c,
                       const Epilogue& add) {
  Dispatch launch{.shader = stored_kernel("matmul/" + kernel.shader, p.b),
                  .push = {a, b, add.residual, add.bias, c, p.m, p.n, p.k, p.batch},
                  .constants = constants_of(p, c.dtype)};
  if (kernel.shader == "portable") {
    launch.items = kernel.tiles(p);
    return launch;
  }
  launch.rows = kernel.tiles(p);
  append(launch.constants, {{"LANES", kernel.lanes}, {"ROWS", kernel.part_m}, {"COLUMNS", kernel.part_n}});
  return launch;
}

Dispatch launch_tiles(const Caps& caps, const MatmulKernel& kernel, const MatmulProblem& p, const Tensor& a, const Tensor& b,
                      const Tensor& c, const Epilogue& add) {
  Dispatch launch{
      .shader = stored_kernel("matmul/" + kernel.shader, p.b),
      .push = {a, b, add.residual, add.bias, c, p.m, p.n, p.k, p.batch, kernel.k_per_split(p)},
      .groups = {(p.m + kernel.m - 1) / kernel.m, (p.n + kernel.n - 1) / kernel.n, p.batch * kernel.splits},  // fits() bounds them
      .constants = constants_of(p, c.dtype)};
  const std::uint32_t group = kernel.shader == "tiled" ? 4 : 8;  // elements that move at a time
  append(launch.constants, {{"LANES", kernel.lanes},
                            {"TILE_M", kernel.m},
                            {"TILE_N", kernel.n},
                            {"TILE_K", kernel.k},
                            {"A_VECTOR", p.a_group % group == 0},
                            {"B_VECTOR", p.b_group % group == 0},
                            {"C_VECTOR", p.c_group % group == 0}});
  if (kernel.shader == "tiled") {
    append(launch.constants, {{"M_PER", kernel.part_m}, {"N_PER", kernel.part_n}});
  } else {
    if (p.a == DType::bf16) launch.shader += "_bf16";
    launch.subgroup = caps.subgroup_size;
  }
  if (kernel.shader == "coopmat2") append(launch.constants, {{"UNROLL", kernel.buffers}});
  if (kernel.shader == "coopmat") {
    const CoopShape shape = coop_shape(caps, p.a).value();
    append(launch.constants, {{"PART_M", kernel.part_m},
                              {"PART_N", kernel.part_n},
                              {"SUBGROUP", caps.subgroup_size},
                              {"COOP_M", shape.m},
                              {"COOP_N", shape.n},
                              {"COOP_K", shape.k}});
  }
  return launch;
}

Tensor as(Tensor x, const Shape& shape) {
  x.shape = shape;
  return x;
}

double flop_of(const MatmulProblem& p) { return 2.0 * p.batch * p.m * p.n * p.k; }

/// Of a product's operations, the part that one launch should do.
double share_of_a_launch(const Caps& caps, const MatmulProblem& p) { return most_of_a_launch(caps).flop / flop_of(p); }

// As many of `units` as leave each of the tensors, which all have as many, within what kernels can index, and are `share` of them at most; a multiple
// of 64 where it can be, so that pieces start where vector accesses may. 0 when a single one has too many elements.
std::uint32_t units_within(std::uint64_t most, double share, std::uint32_t units, std::initializer_list<Tensor> tensors) {
  std::uint64_t fit = share < 1 ? static_cast<std::uint64_t>(std::max(1.0, share * units)) : units;
  for (const Tensor& x : tensors)
    if (x.size() > 0) fit = std::min(fit, most / (x.size() / units));
  return static_cast<std::uint32_t>(fit > 64 ? fit / 64 * 64 : fit);
}

// A product whose operands are too large for one launch. Each piece is a product of its own.
void multiply_in_pieces(Graph& graph, const Tensor& a, const Tensor& b, Layout layout, const MatmulProblem& p,
                        const MatmulOptions& options) {
  const std::uint64_t most = graph.caps().max_elements;
  const double share = share_of_a_launch(graph.caps(), p);
  const Tensor& c = options.into;
  const Shape shape = c.shape;
  const auto part_of = [&](const Tensor& x, const Shape& whole, std::uint32_t first, std::uint32_t count) {
    return x ? graph.slice(as(x, whole), first, count) : x;
  };
  MatmulOptions piece = options;
  if (p.batch > 1) {
    const Shape all_a{p.batch, a.dim(-2), a.dim(-1)}, all_b{p.batch, b.dim(-2), b.dim(-1)}, all_c{p.batch, p.m, p.n};
    const std::uint32_t step = std::max(units_within(most, share, p.batch, {a, b, c}), 1u);  // a single one may be cut further
    for (std::uint32_t first = 0; first < p.batch; first += step) {
      const std::uint32_t count = std::min(step, p.batch - first);
      piece.into = part_of(c, all_c, first, count), piece.residual = part_of(options.residual, all_c, first, count);
      matmul(graph, part_of(a, all_a, first, count), part_of(b, all_b, first, count), layout, piece);
    }
    return;
  }
  const bool by_k = layout == Layout::tn;
  const std::uint32_t units = by_k ? p.k : p.m,
                      step = by_k ? units_within(most, share, units, {a, b}) : units_within(most, share, units, {a, c});
  const Tensor& kept = by_k ? c : b;  // that every piece sees whole
  require(step > 0 && step < units && kept.size() <= most, "matmul: kernels can index {} elements, which is too few for {} by {} into {}",
          most, to_string(a.shape), to_string(b.shape), to_string(shape));
  for (std::uint32_t first = 0; first < units; first += std::min(step, units - first)) {
    const std::uint32_t count = std::min(step, units - first);
    const Tensor part = part_of(a, {a.dim(-2), a.dim(-1)}, first, count);
    if (by_k) {
      piece.into = as(c, {p.m, p.n}), piece.residual = first > 0          ? piece.into
                                                       : options.residual ? as(options.residual, {p.m, p.n})
                                                                          : Tensor();
      if (first > 0) piece.bias = {};
      matmul(graph, part, part_of(b, {b.dim(-2), b.dim(-1)}, first, count), layout, piece);
    } else {
      piece.into = part_of(c, {p.m, p.n}, first, count), piece.residual = part_of(options.residual, {p.m, p.n}, first, count);
      matmul(graph, part, as(b, {b.dim(-2), b.dim(-1)}), layout, piece);
    }
  }
}

}  // namespace

Tensor matmul(Graph& graph, const Tensor& a, const Tensor& b, Layout layout, const MatmulOptions& options) {
  MatmulProblem p = problem_of(a, b, layout, options);
  if (options.kernel.empty() && multiplies_numbers(graph, p)) return matmul(graph, a, convert(graph, b, p.a), layout, options);
  Shape shape(a.shape.begin(), a.shape.end() - 2);
  shape.insert(shape.end(), {p.m, p.n});
  const Tensor c = options.into ? options.into : graph.tensor(shape, options.out);
  require(c.shape == shape && c.dtype == options.out, "matmul: the product is {} {}, to go into {} {}", name_of(options.out),
          to_string(shape), name_of(c.dtype), to_string(c.shape));
  if (options.residual)
    require(options.residual.size() == c.size() && options.residual.dtype == c.dtype, "matmul: the residual is {}, the product {}",
            to_string(options.residual.shape), to_string(c.shape));
  const bool divisible = p.batch > 1 || (layout == Layout::tn ? p.k : p.m) > 64;
  const bool too_large = std::max({a.size(), b.size(), c.size()}) > graph.caps().max_elements;
  if (too_large || (divisible && share_of_a_launch(graph.caps(), p) < 1)) {
    MatmulOptions pieces = options;
    pieces.into = c;
    multiply_in_pieces(graph, a, b, layout, p, pieces);
    return c;
  }
  p.c_group = group_of(c);
  if (options.residual && options.residual.offset % (p.c_group * bytes_of(c.dtype)) != 0) p.c_group = 1;

  const MatmulKernel kernel = kernel_for(graph, p, options.kernel);
  const bool split = kernel.splits > 1;
  const Tensor product = split ? graph.tensor({kernel.splits, p.batch, p.m, p.n}, DType::f32) : c;
  const Epilogue add = split ? Epilogue{} : Epilogue{options.residual, options.bias};
  const bool on_cpu = kernel.shader == "portable" || kernel.shader == "subgroup";
  Dispatch launch = on_cpu ? launch_on_cpu(kernel, p, a, b, product, add) : launch_tiles(graph.caps(), kernel, p, a, b, product, add);
  launch.cost = {.flop = flop_of(p), .bytes = static_cast<double>(a.bytes() + b.bytes() + c.bytes() + (options.residual ? c.bytes() : 0))};
  graph.dispatch(std::move(launch));
  if (split) {
    graph.dispatch({.shader = "matmul/sum_splits",
                    .push = {product, options.residual, options.bias, c, c.size(), kernel.splits, p.n},
                    .items = c.size(),
                    .constants = for_type(c)});
  }
  return c;
}

namespace {

Tensor linear_of_one(Graph& graph, const Tensor& x, const Tensor& w, const Tensor& residual) {
  const Shape flat{x.rows(), x.dim(-1)}, flat_out{x.rows(), w.dim(0)};
  Shape shape = x.shape;
  shape.back() = w.dim(0);
  const Tensor y = as(matmul(graph, as(x, flat), w, Layout::nt, {x.dtype, residual}), shape);
  std::vector<Tensor> inputs = {x, w};
  if (residual) inputs.push_back(residual);
  return graph.differentiable(y, inputs, [=](Graph& g, const Tensor& dy) {
    const Tensor d = as(dy, flat_out);
    std::vector<Tensor> parts(2);
    if (g.wants_gradient(x)) {
      const Tensor before = g.take_gradient(x);
      parts[0] = as(matmul(g, d, w, Layout::nn, {x.dtype, before}), x.shape);
    }
    if (g.wants_gradient(w)) parts[1] = matmul(g, d, as(x, flat), Layout::tn, {g.gradient_dtype(w)});
    if (residual) parts.push_back(dy);
    return parts;
  });
}

}  // namespace

Tensor linear(Graph& graph, const Tensor& x, const Matrix& w, const Tensor& residual) {
  require(w.is_matrix() && x.dim(-1) == w.columns(), "linear: x has {} channels, its weight is {}", x.dim(-1), to_string(w));
  if (w.whole()) return linear_of_one(graph, x, w.parts.front(), residual);
  std::vector<Tensor> products;
  for (const Tensor& part : w.parts) products.push_back(linear_of_one(graph, x, part, {}));
  const Tensor y = join_columns(graph, products);
  return residual ? add(graph, y, residual) : y;
}

}  // namespace ablate
