// What probes measure of residual states.
#include "experiment/bench/bench.h"
#include "ops/statistics/column_max.h"
#include "ops/statistics/max_abs.h"
#include "ops/statistics/median_abs.h"
#include "ops/statistics/row_norms.h"
#include "ops/statistics/top_entries.h"

namespace ablate {
namespace {

using Statistic = std::function<std::vector<Tensor>(Graph&, const Tensor& x)>;

BenchRegistration register_statistic(const std::string& op, const Statistic& statistic) {
  return {
      op, [=](const Caps& caps) {
        std::vector<BenchCase> all;
        for (const DType type : activation_types(caps))
          for (const auto& [rows, dim] : {std::pair{32768u, 256u}, {16384u, 4096u}}) {
            const Shape shape{rows_for(caps, rows), dim};
            all.push_back({op, fmt::format("{}x{} {}", shape[0], dim, name_of(type)), [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                             const Tensor x = inputs.floats(shape, type);
                             return [=, &graph] { return statistic(graph, x); };
                           }});
          }
        return all;
      }};
}

const BenchRegistration registrations[] = {
    register_statistic("top_channels",
                       [](Graph& graph, const Tensor& x) {
                         const TopChannels top = top_channels(graph, x, 3);
                         return std::vector{top.values, top.channels};
                       }),
    register_statistic("top_entries",  // of each of 8 sequences
                       [](Graph& graph, const Tensor& x) {
                         const TopEntries top = top_entries(graph, top_channels(graph, x, 3), 8);
                         return std::vector{top.values, top.rows, top.channels};
                       }),
    register_statistic("max_abs",
                       [](Graph& graph, const Tensor& x) {
                         const MaxAbs max = max_abs(graph, x);
                         return std::vector{max.value, max.token, max.channel};
                       }),
    register_statistic("column_max",
                       [](Graph& graph, const Tensor& x) {
                         const ColumnMax max = column_max(graph, x);
                         return std::vector{max.values, max.rows};
                       }),
    register_statistic("row_norms", [](Graph& graph, const Tensor& x) { return std::vector{row_norms(graph, x)}; }),
    register_statistic("median_abs", [](Graph& graph, const Tensor& x) { return std::vector{median_abs(graph, x)}; })};

}  // namespace
}  // namespace ablate
