#include "experiment/run/data.h"

#include "base/file.h"
#include "model/checkpoint_files.h"
#include "train/data/random_tokens.h"

namespace ablate {
namespace {

// A source that is open knows its keys' names ("data.triggers: expected ..."), not where they stand.
[[noreturn]] void rethrow_with_place(const Settings& data, const std::string& message) {
  const std::size_t end = message.find(':');
  if (!message.starts_with("data.") || end == message.npos) throw InputError(message);
  throw InputError(data.where(message.substr(5, end - 5)) + message.substr(end));
}

}  // namespace

std::unique_ptr<DataSource> open_point_data(PointRun& run, const TransformerConfig& config, const std::filesystem::path& checkpoint) {
  require(run.settings.has("data"), "{}: expected a [data] table", run.plan.source.string());
  Settings table = run.settings.table("data");
  DataContext context;
  context.seed = run.seed();
  context.bos_id = config.bos_token_id.value_or(-1);
  context.vocabulary = config.vocab_size;
  context.note = [&run](const std::string& line) { run.note(line); };
  context.tell = [&run](const std::string& line) { run.progress.say(line); };
  if (!checkpoint.empty()) {
    context.tokenizer = tokenizer_file(checkpoint);
    if (!config.bos_token_id) context.why_no_bos = why_checkpoint_has_no_bos(checkpoint);
  }
  const DataOpener open = read_data(table);
  if (run.data == DataNeed::stand_in) return std::make_unique<RandomTokens>(config.vocab_size);
  std::unique_ptr<DataSource> data;
  try {
    data = open(context);
  } catch (const MissingFile& error) {
    if (run.data == DataNeed::real) throw;
    run.note(fmt::format("planned without its data: {}", error.what()));
    return std::make_unique<RandomTokens>(config.vocab_size);
  } catch (const InputError& error) {
    rethrow_with_place(table, error.what());
  }
  require(data->vocabulary_size() <= config.vocab_size, "{}: the data has {} kinds of tokens, the model's vocab_size is {}",
          table.where("source"), data->vocabulary_size(), config.vocab_size);
  return data;
}

}  // namespace ablate
