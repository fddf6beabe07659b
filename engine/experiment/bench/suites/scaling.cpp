// How training's speed follows from the work: longer contexts at as many tokens per step, and more layers. Where tokens per second fall,
// TFLOP/s should not.
#include "experiment/bench/suite_rows.h"

namespace ablate {
namespace {

// A width that is a model of its own on either kind of device, and how far it is taken.
struct Scale {
  int vocabulary, d_model, heads, d_ffn;
  int tokens_per_step, layers, context;  ///< the last two: of the rows that vary the other
  std::vector<int> contexts, depths;
  std::string precision;
};

SuiteRow row_for(const Scale& s, const std::string& what, int value, int layers, int context) {
  return {.id = fmt::format("{}-{}", what, value),
          .what = fmt::format("{} layers, T {}, B {}", layers, context, s.tokens_per_step / context),
          .unit = "tokens/s",
          .measure = training_measure(llama(s.vocabulary, s.d_model, layers, s.heads, s.heads, s.d_ffn, context),
                                      s.tokens_per_step / context, s.precision)};
}

Suite scaling(const Caps& caps) {
  const Scale s = caps.is_cpu()
                      ? Scale{64, 64, 2, 176, 1024, 1, 64, {64, 128, 256, 512}, {1, 2, 4}, "f32"}
                      : Scale{32000, 512, 8, 1408, 16384, 8, 1024, {512, 1024, 2048, 4096, 8192}, {1, 2, 4, 8, 16, 32}, "mixed-bf16"};
  Suite suite{fmt::format("training by context and depth: d {}, {} heads, ffn {}, vocabulary {}, {} tokens a step, {}", s.d_model, s.heads,
                          s.d_ffn, s.vocabulary, s.tokens_per_step, s.precision),
              "",
              {}};
  for (const int context : s.contexts) suite.rows.push_back(row_for(s, "context", context, s.layers, context));
  for (const int layers : s.depths) suite.rows.push_back(row_for(s, "layers", layers, layers, s.context));
  return suite;
}

const SuiteRegistration registration{"scaling", scaling};

}  // namespace
}  // namespace ablate
