// What an evaluation counts.
#include "small_run.h"

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("the loss is that of the positions asked for, to the last and no further") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings settings;
  settings.dump = {"logits"};
  run.measure("residual_norms", settings);
  const std::vector<float>& logits = run.dumped.at("logits");
  const std::size_t tokens = run.data.columns, vocabulary = 40;
  for (const auto& [begin, end] : {std::pair{0, 12}, {2, 5}, {10, 12}}) {
    CAPTURE(begin);
    run.data.positions = {begin, end};
    const Evaluation evaluation = Evaluator(pipelines(), run.weights, DType::f32, run.data).run({}, {});
    double loss = 0, count = 0;
    for (std::size_t row = 0; row < run.data.rows; ++row)
      for (auto t = static_cast<std::size_t>(begin); t < static_cast<std::size_t>(end) && t + 1 < tokens; ++t) {
        const float* own = &logits[(row * tokens + t) * vocabulary];
        double sum = 0;
        for (std::size_t i = 0; i < vocabulary; ++i) sum += std::exp(double(own[i]));
        loss += std::log(sum) - double(own[run.data.ids[row * tokens + t + 1]]), ++count;
      }
    CHECK(evaluation.counted == count);
    CHECK(evaluation.loss.value() == doctest::Approx(loss / count).epsilon(1e-5));
  }
}
