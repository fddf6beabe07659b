#include "experiment/run/claimed_metrics.h"

#include "base/error.h"
#include "experiment/results.h"
#include "experiment/run/kind.h"
#include "ops/user/user_shader.h"
#include "support/places.h"
#include "support/run_request.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ablate;
using namespace ablate::test;

namespace {

const std::string body =
    "model = {preset = \"planted\", vocab_size = 35, bos_token_id = 33}\n"
    "data = {source = \"bigram_backcopy\", symbols = 33}\nprobe.sequences = 2\nprobe.seq_len = 8\n";
const std::string planted = "name = \"x\"\nkind = \"probe\"\n" + body, changed = "name = \"x\"\nkind = \"intervene\"\n" + body;
const std::string trained =
    "name = \"x\"\nkind = \"train\"\nmodel = {d_model = 16, n_layers = 2, n_heads = 1, d_ffn = 16, vocab_size = 35}\n"
    "data = {source = \"bigram_backcopy\", symbols = 33, triggers = 3}\n"
    "train = {steps = 2, batch = 2, seq_len = 8, warmup = 1, eval_windows = 2}\n";

std::string claim(const std::string& holds) { return "[[claim]]\ntext = \"t\"\nholds = \"" + holds + "\"\n"; }

void check(const std::string& toml) {
  Plan plan = parse_plan(toml, "f.toml");
  settle_claimed_metrics(plan);
}

/// What a run of the file's first point measures and does not say beforehand, or says otherwise.
std::string unannounced(const std::string& toml) {
  const TemporaryFolder folder;
  const RunRequest request = run_request(folder, toml);
  REQUIRE(run_plan(request) == 0);
  const Point& point = request.plan.points.at(0);
  Settings settings = point.settings();
  const RegistrationScope shaders = read_user_shaders(settings);
  const MetricNames names = ExperimentKinds::find("kind", point.kind).yields(settings);
  const auto has = [](const std::vector<std::string>& list, const std::string& name) {
    return std::count(list.begin(), list.end(), name) > 0;
  };
  std::string wrong;
  const Results results = read_results(request.out / request.plan.name / "results.json");
  for (const auto& [name, metric] : results.rows.at(0).metrics) {
    if (std::holds_alternative<std::vector<Figure>>(metric)) continue;
    const bool number = std::holds_alternative<double>(metric), text = std::holds_alternative<std::string>(metric);
    if (!has(number ? names.numbers : text ? names.texts : names.lists, name)) wrong += name + " ";
  }
  return wrong;
}

}  // namespace

TEST_CASE("claims on what a row does not measure are bad input, with the nearest name") {
  CHECK_NOTHROW(check(planted + claim("spike('x') > 1 and spike_per_state[2]('x') > sink_score[0][1]('x')")));
  CHECK_THROWS_WITH_AS(
      check(planted + claim("sink_ration('x') > 1")),
      "f.toml:9: claim.holds: \"sink_ration('x') > 1\": sink_ration is not measured by row \"x\"; did you mean sink_ratio?", InputError);
  CHECK_THROWS_WITH_AS(check(planted + claim("train_loss('x') > 1")), doctest::Contains("train_loss is not measured by row \"x\""),
                       InputError);
  CHECK_NOTHROW(check(trained + claim("train_loss('x') > 1 and backcopy_loss('x') > 0 and sink_attention[1]('x') > 0")));
  CHECK_THROWS_WITH_AS(check(planted + claim("residual_norm_first[0]('x') > 1")), doctest::Contains("probe.statistics"), InputError);
  CHECK_NOTHROW(check(planted + "probe.statistics = [\"residual_norms\"]\n" + claim("residual_norm_first[0]('x') > 1")));
  CHECK_THROWS_WITH_AS(check(planted + claim("elements_changed('x') > 1")), doctest::Contains("elements_changed is not"), InputError);
  CHECK_THROWS_WITH_AS(check(planted + claim("spike_per_state('x') > 1")),
                       doctest::Contains("spike_per_state is a list: say which of its numbers, as in spike_per_state[0]('x')"), InputError);
  CHECK_THROWS_WITH_AS(check(planted + claim("spike[0]('x') > 1")), doctest::Contains("spike is one number and no list"), InputError);
  CHECK_THROWS_WITH_AS(check(planted + claim("non_finite_first('x') > 1")), doctest::Contains("is a text and no number"), InputError);
  // Of a variant that measures more than the other.
  const std::string two = planted + "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\nprobe.statistics = [\"massive\"]\n";
  CHECK_NOTHROW(check(two + claim("massive_activations('b') > 1")));
  CHECK_THROWS_WITH_AS(check(two + claim("massive_activations('a') > 1")), doctest::Contains("by row \"a\""), InputError);
}

TEST_CASE("rows hold what their kind and statistics say beforehand") {
  CHECK(unannounced(planted) == "");
  CHECK(unannounced(trained) == "");
  const std::string infinite = "[[intervention]]\nat = \"block.3\"\ndo = \"set\"\ntokens = [5]\nvalue = inf\n";
  CHECK(unannounced(changed + "probe.allow_non_finite = true\n" + infinite) == "");
  const std::string shader = (source_folder() / "experiments/extend/kurtosis.comp").generic_string();
  const std::string own = "[shaders.kurtosis]\nkind = \"statistic\"\nforward = \"" + shader + "\"\n";
  CHECK(unannounced(planted + "probe.statistics = [\"kurtosis\"]\n" + own) == "");
  CHECK_NOTHROW(check(planted + "probe.statistics = [\"kurtosis\"]\n" + own + claim("kurtosis_max[4]('x') > 1")));
}
