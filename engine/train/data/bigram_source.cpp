// [data] source = "bigram_backcopy": fresh sequences of the bigram-backcopy task at every step, without end.
//   text = "FILE"     statistics of its characters; or chain = "shakespeare", those of the published task; or, without either, a random
//   symbols = 33      chain of so many symbols, with rows as peaked as
//   sharpness = 1.5   says (random_chain); chain_seed = 1 is its own seed, so that runs of different seeds share the task
//   triggers = 3      the most frequent symbols are triggers
//   rule = "backcopy" | "dormant" | "markov", mix = 1.0: what a trigger does, and how often
//   bos = true        <s> in front; vocabulary = symbols + 2
#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "train/data/shakespeare.h"

namespace ablate {
namespace {

constexpr std::int64_t evaluation_rows = 512;  // as published
constexpr std::int64_t most_rows = 1 << 24;    // of a step: the next one's sequences follow

class BigramSource : public DataSource {
 public:
  explicit BigramSource(BigramTask task) : task_(std::move(task)) {}

  std::int64_t vocabulary_size() const override { return task_.vocabulary_size(); }
  const BigramTask* task() const override { return &task_; }
  std::int32_t bos() const override { return task_.bos(); }

  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override {
    require(rows <= most_rows, "data: bigram_backcopy makes up to {} sequences a step, {} were asked for", most_rows, rows);
    return sequences("train", step * most_rows, rows, columns);
  }

  Batch validation(std::int64_t rows, std::int64_t columns) const override {
    return sequences("validation", 0, rows ? rows : evaluation_rows, columns);
  }

 private:
  Batch sequences(std::string_view stream, std::uint64_t first, std::int64_t rows, std::int64_t columns) const {
    require(columns >= 2, "data: bigram_backcopy makes sequences of at least 2 tokens, {} were asked for", columns);
    Batch batch = make_batch(rows, columns);
    for (std::int64_t r = 0; r < rows; ++r) task_.sequence(stream, first + static_cast<std::uint64_t>(r), columns, batch.row(r));
    return batch;
  }

  BigramTask task_;
};

TriggerRule read_rule(Settings& data) {
  const std::string rule = data.choice({"rule", "what a trigger does"}, "backcopy", {"backcopy", "dormant", "markov"});
  return rule == "backcopy" ? TriggerRule::backcopy : rule == "dormant" ? TriggerRule::dormant : TriggerRule::markov;
}

/// From the characters of `text`, or of Shakespeare, or a random chain of `symbols` symbols that is the same for every seed of the run.
std::function<BigramStatistics()> read_statistics(Settings& data) {
  if (data.has("text")) {
    const std::filesystem::path text = read_path(data, {"text", "file whose characters the chain is estimated from"});
    return [text] { return bigram_statistics(read_text(text)); };
  }
  if (data.choice({"chain", "a random chain, or that of the published task"}, "random", {"random", "shakespeare"}) == "shakespeare")
    return shakespeare;
  const auto symbols = data.number<std::int64_t>({"symbols", "symbols of the random chain"}, 33, 2, 4096);
  const auto sharpness = data.number<double>({"sharpness", "how peaked the rows of the random chain are"}, 1.5, 0.0, 10.0);
  const auto seed = static_cast<std::uint64_t>(data.get<std::int64_t>({"chain_seed", "seed of the random chain, apart from the run's"}, 1));
  return [=] { return random_chain(symbols, sharpness, seed); };
}

DataOpener read(Settings& data) {
  const auto statistics = read_statistics(data);
  BigramTaskOptions options;
  options.triggers = data.number<std::int64_t>({"triggers", "the so many most frequent symbols are triggers"}, options.triggers, 0, 4096);
  options.bos = data.get<bool>({"bos", "start every sequence with <s>"}, options.bos);
  options.rule = read_rule(data);
  options.mix = data.number<double>({"mix", "share of triggers that act by the rule"}, options.mix, 0.0, 1.0);
  options.vocabulary =
      data.number<std::int64_t>({"vocabulary", "tokens that the model knows; 0 takes those that occur"}, options.vocabulary, 0, 1 << 20);
  return [=](const DataContext& context) { return std::make_unique<BigramSource>(BigramTask(statistics(), options, context.seed)); };
}

const DataSourceRegistration registration{"bigram_backcopy", read, true};

}  // namespace
}  // namespace ablate
