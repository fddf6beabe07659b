#include "experiment/run/data.h"

#include "base/random.h"

namespace ablate {
namespace {

constexpr std::int64_t usual_rows = 64;

/// Random tokens, for plans.
class StandIn : public DataSource {
 public:
  explicit StandIn(std::int64_t vocabulary) : vocabulary_(vocabulary) {}
  std::int64_t vocabulary_size() const override { return vocabulary_; }
  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override {
    Batch batch = make_batch(rows, columns);
    const CounterRandom random(0, step);
    for (std::size_t i = 0; i < batch.ids.size(); ++i)
      batch.ids[i] = static_cast<std::int32_t>(random.below(i, static_cast<std::uint64_t>(vocabulary_)));
    return batch;
  }
  Batch validation(std::int64_t rows, std::int64_t columns) const override { return batch(0, rows > 0 ? rows : usual_rows, columns); }

 private:
  std::int64_t vocabulary_;
};

}  // namespace

std::unique_ptr<DataSource> open_point_data(PointRun& run, const TransformerConfig& config, const std::filesystem::path& checkpoint) {
  require(run.settings.has("data"), "{}: expected a [data] table", run.plan.source.string());
  Settings table = run.settings.table("data");
  DataContext context;
  context.seed = run.seed();
  context.bos_id = config.bos_token_id.value_or(-1);
  context.vocabulary = config.vocab_size;
  if (!checkpoint.empty() && std::filesystem::exists(checkpoint / "tokenizer.json")) context.tokenizer = checkpoint / "tokenizer.json";
  const DataOpener open = read_data(table);
  if (run.data == DataNeed::stand_in) return std::make_unique<StandIn>(config.vocab_size);
  std::unique_ptr<DataSource> data;
  try {
    data = open(context);
  } catch (const InputError& error) {
    if (run.data == DataNeed::real) throw;
    run.note(fmt::format("planned without its data: {}", error.what()));
    return std::make_unique<StandIn>(config.vocab_size);
  }
  require(data->vocabulary_size() <= config.vocab_size, "{}: the data has {} tokens, the model's vocab_size is {}", table.where("source"),
          data->vocabulary_size(), config.vocab_size);
  return data;
}

}  // namespace ablate
