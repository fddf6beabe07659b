// A user's statistic: the mean over tokens, over first tokens, and the largest.
#include "experiment/plan.h"
#include "ops/user/user_shader.h"
#include "small_run.h"
#include "support/folder.h"

#include <algorithm>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("a user's statistic: its mean over all tokens, over the first ones, and its largest") {
  const TestFolder folder;
  folder.write("sum.comp", "float forward() {\n  float sum = 0.0;\n  for_channels(i) sum += x(i);\n  return row_sum(sum);\n}\n");
  const Plan plan =
      read_plan(folder.write("x.toml", "kind = \"probe\"\n[shaders.total]\nkind = \"statistic\"\nforward = \"sum.comp\"\n"), {});
  Settings settings = plan.points.at(0).settings();
  const RegistrationScope shaders = read_user_shaders(settings);
  SmallRun run(SmallRun::small_model());
  ProbeSettings probe;
  probe.dump = {"residual.*"};
  for (const std::uint32_t at_once : {0u, 1u, 4u}) {
    run.dumped.clear();
    const Metrics metrics = run.measure("total", probe, {}, at_once);
    for (std::size_t state = 0; state < 5; ++state) {
      const std::vector<float>& x = run.dumped.at("residual." + std::to_string(state));
      double all = 0, first = 0, largest = -1e300;
      const std::size_t count = x.size() / 24;
      for (std::size_t token = 0; token < count; ++token) {
        double sum = 0;
        for (std::size_t i = 0; i < 24; ++i) sum += double(x[token * 24 + i]);
        all += sum / double(count), largest = std::max(largest, sum);
        if (token % run.data.columns == 0) first += sum / run.data.rows;
      }
      // Sums of 24 numbers of size 10 or less, in f32.
      CHECK(list(metrics, "total").at(state) == doctest::Approx(all).epsilon(1e-5).scale(10));
      CHECK(list(metrics, "total_first").at(state) == doctest::Approx(first).epsilon(1e-5).scale(10));
      CHECK(list(metrics, "total_max").at(state) == doctest::Approx(largest).epsilon(1e-5).scale(10));
    }
  }
}
