// Token tables and positions.
#include "experiment/bench/bench.h"
#include "ops/embedding.h"
#include "ops/rope.h"

#include <cmath>

namespace ablate {
namespace {

struct Rotated {
  std::uint32_t batch, tokens, heads, head_dim;
};

Tensor table_for(Graph& graph, const Rotated& r) {
  std::vector<double> frequencies;
  for (std::uint32_t i = 0; i < r.head_dim / 2; ++i) frequencies.push_back(std::pow(10000.0, -2.0 * i / r.head_dim));
  return graph.constant("rotations", {r.tokens, r.head_dim}, rope_table(r.tokens, frequencies));
}

std::vector<BenchCase> rope_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Rotated& r :
         {Rotated{rows_for(caps, 128), 256, 4, 64}, {rows_for(caps, 16), 1024, 8, 64}, {4, rows_for(caps, 4096), 32, 128}}) {
      const Shape shape{r.batch, r.tokens, r.heads * r.head_dim};
      const std::string name = fmt::format("{}x{} {} heads of {} {}", r.batch, r.tokens, r.heads, r.head_dim, name_of(type));
      all.push_back({"rope", name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                       const Tensor x = inputs.floats(shape, type), table = table_for(graph, r);
                       return [=, &graph] { return std::vector{rope(graph, x, r.head_dim, table)}; };
                     }});
      all.push_back({"rope", name + " backward", [=](Graph& graph, BenchInputs& inputs) {
                       return backward_body(graph, inputs, rope(graph, inputs.activations(shape, type), r.head_dim, table_for(graph, r)));
                     }});
    }
  return all;
}

struct Table {
  std::uint32_t tokens, vocabulary, dim;
};

std::vector<Table> tables(const Caps& caps) {
  if (caps.is_cpu()) return {{1024, 4097, 64}, {256, 32000, 64}};
  return {{32768, 4097, 256}, {16384, 32000, 512}, {16384, 32000, 4096}};
}

std::vector<BenchCase> embedding_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Table& t : tables(caps)) {
      const std::string name = fmt::format("{} tokens of {}x{} {}", t.tokens, t.vocabulary, t.dim, name_of(type));
      all.push_back({"embedding", name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                       const Tensor ids = inputs.ints({1, t.tokens}, t.vocabulary), table = inputs.floats({t.vocabulary, t.dim}, type);
                       return [=, &graph] { return std::vector{embedding(graph, ids, table, type)}; };
                     }});
      all.push_back({"embedding", name + " backward", [=](Graph& graph, BenchInputs& inputs) {
                       const Tensor ids = inputs.ints({1, t.tokens}, t.vocabulary), table = inputs.parameters({t.vocabulary, t.dim}, type);
                       return backward_body(graph, inputs, embedding(graph, ids, table, type));
                     }});
    }
  return all;
}

const BenchRegistration registrations[] = {{"rope", rope_cases}, {"embedding", embedding_cases}};

}  // namespace
}  // namespace ablate
