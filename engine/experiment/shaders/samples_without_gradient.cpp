#include "experiment/shaders/samples.h"
#include "ops/attention_statistics.h"
#include "ops/copy_words.h"
#include "ops/cross_entropy.h"
#include "ops/edit.h"
#include "ops/fill.h"
#include "ops/hadamard.h"
#include "ops/largest_token.h"
#include "ops/loss_guard.h"
#include "ops/matmul.h"
#include "ops/muon.h"
#include "ops/optimizer.h"
#include "ops/quantization/format.h"
#include "ops/quantization/granularity.h"
#include "ops/quantize.h"
#include "ops/statistics/column_max.h"
#include "ops/statistics/cosine.h"
#include "ops/statistics/count_changed.h"
#include "ops/statistics/counters.h"
#include "ops/statistics/energy_share.h"
#include "ops/statistics/first_token_norm_ratio.h"
#include "ops/statistics/massive_activations.h"
#include "ops/statistics/max_abs.h"
#include "ops/statistics/mean_rows.h"
#include "ops/statistics/median_abs.h"
#include "ops/statistics/non_finite.h"
#include "ops/statistics/pick.h"
#include "ops/statistics/row_errors.h"
#include "ops/statistics/row_medians.h"
#include "ops/statistics/row_moments.h"
#include "ops/statistics/row_norms.h"
#include "ops/statistics/user_statistic.h"
#include "ops/store.h"

namespace ablate {
namespace {

using Inputs = std::vector<Tensor>;

void add(std::vector<OpSample>& all, std::string name, std::vector<SampleInput> inputs,
         std::function<Tensor(Graph&, const Inputs&)> build) {
  all.push_back({std::move(name), std::move(inputs), std::move(build), false, false, ""});
}

void statistics(std::vector<OpSample>& all, const SampleInput& x) {
  const std::uint32_t batch = x.shape[0];
  add(all, "largest entries", {x}, [batch](Graph& g, const Inputs& in) {
    const TopEntries top = top_entries(g, top_channels(g, in[0], 3), batch);
    return pick(g, in[0], top);
  });
  add(all, "energy share", {x}, [](Graph& g, const Inputs& in) { return energy_share(g, top_channels(g, in[0], 1), row_norms(g, in[0])); });
  add(all, "massive activations", {x},
      [](Graph& g, const Inputs& in) { return massive_activations(g, in[0], median_abs(g, in[0]), 2, 2).channels; });
  add(all, "medians of rows", {x}, [](Graph& g, const Inputs& in) { return row_medians(g, in[0]); });
  add(all, "non-finite entries", {x}, [](Graph& g, const Inputs& in) {
    const Tensor found = counters(g, {2});
    count_non_finite(g, in[0], found);
    return found;
  });
  add(all, "column maxima", {x}, [](Graph& g, const Inputs& in) { return column_max(g, in[0]).values; });
  add(all, "mean of rows", {x}, [](Graph& g, const Inputs& in) { return mean_rows(g, in[0]); });
  add(all, "cosines", {x}, [](Graph& g, const Inputs& in) {
    cosine_rows(g, in[0], in[0]);
    return pairwise_cosine(g, g.slice(in[0], 0, 1));
  });
  add(all, "moments and errors of rows", {x}, [](Graph& g, const Inputs& in) {
    row_moments(g, in[0]);
    return row_errors(g, in[0], in[0]);
  });
  add(all, "first token's norm", {x}, [](Graph& g, const Inputs& in) {
    if (in[0].dim(1) < 2) return row_norms(g, in[0]);
    return first_token_norm_ratio(g, g.reshape(row_norms(g, in[0]), {in[0].dim(0), in[0].dim(1)}));
  });
  for (const UserShaderHandle& shader : user_shaders())
    if (shader->kind == "statistic") {
      add(all, "statistic " + shader->name, {x}, [shader](Graph& g, const Inputs& in) { return user_statistic(g, *shader, in[0]); });
      all.back().user = shader->name;
    }
}

void sinks(std::vector<OpSample>& all, const SampleInput& x, const SampleSize& size) {
  const SampleInput statistic = {{size.batch, size.heads, size.tokens}, DType::f32, false},
                    bias = {{size.heads, size.head_dim}, DType::f32, false};
  for (const auto& [score, kind] : AttentionScores::all()) {
    for (const bool learned : {false, true}) {
      const auto build = [=, score = score](Graph& g, const Inputs& in) {
        AttentionOptions options{.heads = size.heads, .kv_heads = size.heads, .head_dim = size.head_dim, .score = score};
        if (learned) options.k_bias = in[3];
        importance(g, in[0], in[1], in[2], options, 1, false);
        importance(g, in[0], in[1], in[2], options, 1, true);
        key_weights(g, in[0], in[1], in[2], options, 0);
        key_mass(g, in[0], in[1], in[2], options, {0});
        return attention_map(g, in[0], in[1], in[2], options);
      };
      add(all, "sinks of " + score + (learned ? " with a learned key" : ""), {x, x, statistic, bias}, build);
      if (find_user_shader(score)) all.back().user = score;
    }
  }
}

void streams(std::vector<OpSample>& all, const SampleInput& x, const SampleSize& size) {
  for (const auto& [score, kind] : AttentionScores::all()) {
    if (score == "clipped_softmax") continue;  // a stream does not know it
    const auto build = [=, score = score](Graph& g, const Inputs& in) {
      const AttentionOptions options{.heads = size.heads,
                                     .kv_heads = size.heads,
                                     .head_dim = size.head_dim,
                                     .score = score,
                                     .window = 2,
                                     .keep_first = 1,
                                     .first_q = in[3]};
      const Tensor lse = attention(g, in[0], in[1], in[2], options).lse;
      importance(g, in[0], in[1], lse, options, 1, false);
      key_weights(g, in[0], in[1], lse, options, 0);
      return attention_map(g, in[0], in[1], lse, options);
    };
    add(all, "stream of " + score, {x, x, x, x}, build);
    if (find_user_shader(score)) all.back().user = score;
  }
}

void quantizations(std::vector<OpSample>& all, const SampleInput& x, const SampleSize& size) {
  for (const char* format : {"int4", "fp8-e4m3", "mxfp4", "nvfp4"})
    for (const auto& [granularity, kind] : Granularities::all()) {
      Quantization q{.format = format, .granularity = granularity, .heads = size.heads, .except_tokens = 1};
      if (granularity == "group" && NumberFormats::find("format", format)(q).block == 0) q.group_size = 4;
      if (!fault_of(q, false))
        add(all, fmt::format("quantize {} {}", format, granularity), {x},
            [q](Graph& g, const Inputs& in) { return quantize(g, in[0], q); });
    }
  add(all, "quantize with codes", {x}, [](Graph& g, const Inputs& in) {
    channel_ranges(g, in[0], 1);
    for (const CodeRange codes : {CodeRange::zero_point, CodeRange::minimum})
      quantize(g, in[0], {.format = "int4", .granularity = "token", .codes = codes});
    quantize(g, in[0], {.format = "int8", .granularity = "token", .keep_columns_from = 6});
    return quantize_to_codes(g, in[0], {.format = "int8", .granularity = "tensor", .range = {-1, 1}}).codes;
  });
  const std::uint32_t width = x.shape.back();
  add(all, "quantize a weight", {{{width, width}, x.dtype, false}}, [](Graph& g, const Inputs& in) {
    const Matrix w = in[0];
    quantize(g, w, {.format = "nvfp4", .granularity = "group"});
    return quantize(g, w, {.format = "int4", .granularity = "channel"}).parts[0];
  });
  add(all, "hadamard", {{{2, 3, 24}, DType::f32, false}}, [](Graph& g, const Inputs& in) { return hadamard(g, hadamard(g, in[0]), true); });
}

void edits(std::vector<OpSample>& all, const SampleInput& x) {
  for (const EditKind kind : {EditKind::zero, EditKind::scale, EditKind::set, EditKind::add, EditKind::clamp})
    add(all, "edit", {x}, [kind](Graph& g, const Inputs& in) { return edit(g, in[0], {.kind = kind, .tokens = {0}}); });
  add(all, "projection", {x, {{1, x.shape[2]}, DType::f32, false}},
      [](Graph& g, const Inputs& in) { return project_out(g, in[0], in[1]); });
  add(all, "count of changes", {x}, [](Graph& g, const Inputs& in) { return count_changed(g, in[0], edit(g, in[0], {.tokens = {0}})); });
  add(all, "largest token", {x}, [](Graph& g, const Inputs& in) {
    const Tensor tokens = largest_tokens(g, in[0]);
    token_mask(g, tokens, in[0].dim(1));
    return take_tokens(g, in[0], tokens);
  });
  add(all, "fill and copies", {{x.shape, DType::f32, false}}, [](Graph& g, const Inputs& in) {
    const Tensor y = g.like(in[0]), z = g.like(in[0]);
    fill(g, y, 1);
    store(g, in[0], y);
    copy_words(g, y, z);
    return z;
  });
}

void optimizers(std::vector<OpSample>& all, DType type) {
  const SampleInput arena = {{64}, DType::f32, false}, state = {{4}, DType::i32, false, 1}, one = {{1}, DType::f32, false};
  for (const char* name : {"adamw", "sgd"}) {
    const auto build = [type, name = std::string(name)](Graph& g, const Inputs& in) {
      OptimizerOptions options;
      options.decayed = {{0, 32}};
      options.dynamic_loss_scale = type == DType::f16;
      OptimizerArenas arenas{in[0], in[1], in[2]};
      if (name == "adamw") arenas.v = in[3];
      if (type != DType::f32) arenas.mirror = g.tensor({64}, type);
      const StepControl control = step_control(g, {arenas.gradients}, in[4], options);
      loss_guard(g, control, in[4], in[5], in[5]);
      if (name == "adamw") adamw(g, arenas, control, in[5], options);
      else sgd(g, arenas, control, in[5], options);
      accumulate(g, in[1], in[2]);
      mean_loss(g, in[1], loss_weight(g, in[4], in[5]));
      return control.norm;
    };
    add(all, name, {arena, arena, arena, arena, state, one}, build);
  }
  for (const std::uint32_t rows : {4u, 16u})
    add(all, "muon", {arena, arena, arena, state, one}, [type, rows](Graph& g, const Inputs& in) {
      OptimizerArenas arenas{in[0], in[1], in[2]};
      if (type != DType::f32) arenas.mirror = g.tensor({64}, type);
      const StepControl control = step_control(g, {arenas.gradients}, in[3], {});
      muon(g, arenas, rows, 64 / rows, control, in[4], {});
      return control.norm;
    });
}

}  // namespace

std::vector<OpSample> samples_without_gradient(DType type, const SampleSize& size) {
  std::vector<OpSample> all;
  const SampleInput x = {{size.batch, size.tokens, size.width()}, type, false};
  statistics(all, x);
  sinks(all, x, size);
  streams(all, x, size);
  quantizations(all, x, size);
  edits(all, x);
  optimizers(all, type);
  add(all, "product with bias", {x, {{size.width(), size.width()}, type, false}, {{size.width()}, DType::f32, false}},
      [type](Graph& g, const Inputs& in) {
        return matmul(g, g.reshape(in[0], {in[0].rows(), in[0].dim(-1)}), in[1], Layout::nn, {.out = type, .bias = in[2]});
      });
  return all;
}

}  // namespace ablate
