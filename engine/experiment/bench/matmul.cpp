#include "experiment/bench/matmul.h"

namespace ablate {

BenchCase matmul_case(const MatmulShape& s, const std::string& kernel) {
  constexpr const char* layouts[] = {"nn", "nt", "tn"};
  const std::string batch = s.batch > 1 ? fmt::format("{}x ", s.batch) : "";
  std::string name =
      fmt::format("{}{}x{}x{} {} -> {} {}", batch, s.m, s.n, s.k, name_of(s.in), name_of(s.out), layouts[static_cast<int>(s.layout)]);
  if (!kernel.empty()) name += ": " + kernel;
  return {"matmul", name, [s, kernel](Graph& graph, BenchInputs& inputs) -> BenchBody {
            Shape a = s.layout == Layout::tn ? Shape{s.k, s.m} : Shape{s.m, s.k},
                  b = s.layout == Layout::nt ? Shape{s.n, s.k} : Shape{s.k, s.n};
            if (s.batch > 1) a.insert(a.begin(), s.batch), b.insert(b.begin(), s.batch);
            MatmulOptions options;
            options.out = s.out;
            options.kernel = kernel;
            return [=, &graph, a = inputs.floats(a, s.in), b = inputs.floats(b, s.in)] {
              return std::vector{matmul(graph, a, b, s.layout, options)};
            };
          }};
}

MatmulProblem matmul_problem(const MatmulShape& s) {
  const auto group = [](std::uint32_t width) { return width % 8 == 0 ? 8u : width % 4 == 0 ? 4u : 1u; };
  return {s.m,
          s.n,
          s.k,
          s.batch,
          s.in,
          s.in,
          s.out,
          s.layout,
          false,
          false,
          group(s.layout == Layout::tn ? s.m : s.k),
          group(s.layout == Layout::nt ? s.k : s.n),
          group(s.n)};
}

std::vector<BenchCase> matmul_kernel_cases(const MatmulShape& s, const Caps& caps) {
  std::vector<BenchCase> cases;
  for (const MatmulKernel& kernel : all_matmul_kernels(matmul_problem(s), caps)) cases.push_back(matmul_case(s, to_string(kernel)));
  return cases;
}

namespace {

const BenchRegistration registration{
    "matmul", [](const Caps& caps) {
      std::vector<BenchCase> cases;
      if (caps.is_cpu()) {
        for (const Layout layout : {Layout::nn, Layout::nt, Layout::tn})
          cases.push_back(matmul_case({1024, 1024, 1024, 1, DType::f32, DType::f32, layout}));
        return cases;
      }
      for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
        if (type != DType::f32 && !caps.storage16) continue;
        for (const Layout layout : {Layout::nn, Layout::nt, Layout::tn}) {
          cases.push_back(matmul_case({8192, 8192, 8192, 1, type, DType::f32, layout}));
          cases.push_back(matmul_case({4096, 4096, 4096, 1, type, DType::f32, layout}));
        }
        cases.push_back(matmul_case({4096, 11008, 4096, 1, type, type, Layout::nt}));  // a 7B model's feed-forward
        cases.push_back(matmul_case({32768, 256, 256, 1, type, type, Layout::nt}));    // a 7M model's projection, and its two gradients
        cases.push_back(matmul_case({32768, 256, 256, 1, type, type, Layout::nn}));
        cases.push_back(matmul_case({256, 256, 32768, 1, type, DType::f32, Layout::tn}));
        cases.push_back(matmul_case({32768, 688, 256, 1, type, type, Layout::nt}));
        cases.push_back(matmul_case({32768, 4097, 256, 1, type, type, Layout::nt}));  // its logits
        cases.push_back(matmul_case({16384, 512, 512, 1, type, type, Layout::nt}));   // a 60M model's
        cases.push_back(matmul_case({16384, 1408, 512, 1, type, type, Layout::nt}));
        cases.push_back(matmul_case({512, 1408, 16384, 1, type, DType::f32, Layout::tn}));
        cases.push_back(matmul_case({1, 4096, 4096, 1, type, type, Layout::nt}));  // one token
      }
      return cases;
    }};

}  // namespace
}  // namespace ablate
