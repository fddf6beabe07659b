#include "experiment/run/data.h"

namespace ablate {

std::unique_ptr<DataSource> open_point_data(PointRun& run, const TransformerConfig& config, const std::filesystem::path& checkpoint) {
  require(run.settings.has("data"), "{}: expected a [data] table", run.plan.source.string());
  Settings table = run.settings.table("data");
  DataContext context;
  context.seed = run.seed();
  context.bos_id = config.bos_token_id.value_or(-1);
  context.vocabulary = config.vocab_size;
  if (!checkpoint.empty() && std::filesystem::exists(checkpoint / "tokenizer.json")) context.tokenizer = checkpoint / "tokenizer.json";
  std::unique_ptr<DataSource> data = open_data(table, context);
  require(data->vocabulary_size() <= config.vocab_size, "{}: the data has {} tokens, the model's vocab_size is {}", table.where("source"),
          data->vocabulary_size(), config.vocab_size);
  return data;
}

}  // namespace ablate
