// Several interventions at once: what each of them changes of what those before it left, and how it is counted.
#include "edited_models.h"
#include "probe/evaluation.h"
#include "probe/interventions.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ablate;
using namespace ablate::test;

namespace {

struct Changed {
  double loss;
  std::vector<std::uint64_t> each;
};

/// Several interventions at once, so many sequences at a time.
Changed change(const Weights& weights, const std::string& tables, std::uint32_t sequences = rows) {
  Settings settings(parse_toml(tables, "x.toml"));
  const std::vector<InterventionSettings> all = InterventionSettings::all(settings);
  const AppliedInterventions applied = apply(all, weights.config(), {}, tokens);
  Array<std::int32_t> ids = make_ids(weights.config());
  Changed changed{0, {}};
  for (std::uint32_t first = 0; first < rows; first += sequences) {
    const std::vector<std::int32_t> part(ids.data.begin() + first * tokens, ids.data.begin() + (first + sequences) * tokens);
    Evaluator evaluator(pipelines(), weights, DType::f32,
                        {.rows = sequences, .columns = tokens, .ids = part, .shifted = false, .positions = std::nullopt});
    changed.loss += evaluator.run(applied.hooks, {applied.changes.get()}).loss.value() * sequences / rows;
  }
  for (std::size_t i = 0; i < all.size(); ++i) changed.each.push_back(applied.changes->of(i));
  std::size_t idle = 0, wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (changed.each[i] == 0) ++(all[i].may_change_nothing() ? idle : wrong);
  if (wrong > 0) CHECK_THROWS_WITH_AS(applied.require_changes(all), doctest::Contains("changes nothing"), InputError);
  else CHECK(applied.require_changes(all).size() == idle);
  return changed;
}

std::string table(const std::string& at, const std::string& rest) { return "[[intervention]]\nat = \"" + at + "\"\n" + rest + "\n"; }

}  // namespace

TEST_CASE("interventions at one hook point add up, in the order written") {
  const Weights weights = weights_of(config_of(subjects[0].model));
  const std::string mask = "do = \"mask_key\"\ntokens = ";
  const Changed both = change(weights, table("attn.probs", mask + "[0, 2]"));
  const Changed apart = change(weights, table("attn.probs", mask + "0") + table("attn.probs", mask + "2"));
  CHECK(both.loss == apart.loss);
  CHECK(both.each[0] == apart.each[0] + apart.each[1]);
  CHECK(apart.each[0] == rows * 4 * (tokens - 1));
  // What an earlier one has done already is no change.
  const Changed twice = change(weights, table("attn.probs", mask + "0") + table("attn.probs", mask + "0\nheads = [1]"));
  CHECK(twice.each[1] == 0);
  const Changed scaled = change(weights, table("block.1", "do = \"zero\"\nchannels = [2]") + table("block.1", "do = \"scale\"\nvalue = 2"));
  CHECK(scaled.each[0] == rows * tokens);
  CHECK(scaled.each[1] == rows * tokens * 11);
  // However many patterns name a hook point, it is edited once.
  const Changed once = change(weights, "[[intervention]]\nat = [\"block.1\", \"block.*\"]\ndo = \"scale\"\nvalue = 2"),
                plain = change(weights, table("block.*", "do = \"scale\"\nvalue = 2"));
  CHECK(once.loss == plain.loss);
  CHECK(once.each == plain.each);
}

TEST_CASE("an edit of what is so already changes nothing") {
  const Weights weights = weights_of(config_of(subjects[0].model));
  for (const char* rest : {"do = \"scale\"\nvalue = 1", "do = \"clamp\"\nvalue = 1e9", "do = \"set\"\nvalue = 0\n"}) {
    const bool set = std::string(rest).find("set") != std::string::npos;
    const Changed changed = change(weights, (set ? table("block.1", "do = \"zero\"") : std::string()) + table("block.1", rest));
    CHECK(changed.each.back() == 0);
  }
  CHECK(change(weights, table("attn_norm", "do = \"norm\"\nvalue = \"rmsnorm\"")).each[0] == 0);
}

TEST_CASE("an edit that finds nothing to change in this model is a result, one that could be known to is an error") {
  const Weights weights = weights_of(config_of(subjects[0].model));
  const auto notes = [&](const std::string& tables) {
    Settings settings(parse_toml(tables, "x.toml"));
    const std::vector<InterventionSettings> all = InterventionSettings::all(settings);
    return apply(all, weights.config(), {}, tokens).require_changes(all);  // before any run: nothing is changed yet
  };
  CHECK(notes(table("block.1", "do = \"clamp\"\nvalue = 1e9")) ==
        std::vector<std::string>{
            "x.toml:2: intervention.at: this intervention changes nothing: every element it acts on is what it would be"});
  CHECK(notes(table("block.1", "do = \"zero\"\nchannels = 0\ntokens = \"largest\"")).size() == 1);
  CHECK_THROWS_WITH_AS(notes(table("block.1", "do = \"zero\"\nchannels = 0\ntokens = 0")), doctest::Contains("changes nothing"),
                       InputError);
}

TEST_CASE("what is counted does not depend on how many sequences run at once") {
  for (const Subject& subject : subjects) {
    if (!subject.shows_each_change) continue;
    const Weights weights = weights_of(config_of(subject.model));
    const std::string tables =
        table("residual.1", "do = \"clamp\"\nvalue = 0.5") + table("attn.probs", "do = \"mask_key\"\ntokens = [0, 1]\nheads = [0, 3]") +
        table("block.2", "do = \"skip\"\ntokens = \"largest\"") +
        table("final_norm", "do = \"norm\"\nvalue = \"" + std::string(subject.name.starts_with("relu") ? "rmsnorm" : "dyt") + "\"");
    CHECK(change(weights, tables, 1).each == change(weights, tables, 2).each);
  }
}
