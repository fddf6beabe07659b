// [data] source = "vocabulary": every token of the vocabulary in a sequence of its own, in which it stands last. For probes.
//   position = 0       where it stands: so many tokens come before it, the same in every sequence
//   prefix = [1, 5]    these tokens, as many as position says; or else the model's beginning-of-sequence token (where there is one and bos = true) and
//   bos = true         random ones; bos_id says which it is where the model doesn't
//   vocabulary = N     how many tokens; the model's vocabulary
#include "base/error.h"
#include "base/random.h"
#include "base/settings.h"
#include "train/data/windows.h"

#include <algorithm>

namespace ablate {
namespace {

class VocabularySource : public DataSource {
 public:
  VocabularySource(std::int64_t vocabulary, std::vector<std::int32_t> prefix) : vocabulary_(vocabulary), prefix_(std::move(prefix)) {}

  std::int64_t vocabulary_size() const override { return vocabulary_; }
  std::int64_t own_columns() const override { return std::ssize(prefix_) + 1; }

  Batch batch(std::uint64_t, std::int64_t, std::int64_t) const override {
    bad_input("data.source: \"vocabulary\" is for probes, not for training");
  }

  Batch validation(std::int64_t rows, std::int64_t columns) const override {
    require(columns == 0 || columns == own_columns(), "probe.seq_len: the source \"vocabulary\" makes sequences of {} tokens",
            own_columns());
    Batch batch = make_batch(rows == 0 ? vocabulary_ : std::min(rows, vocabulary_), own_columns());
    for (std::int64_t r = 0; r < batch.rows; ++r) {
      std::copy(prefix_.begin(), prefix_.end(), batch.row(r));
      batch.row(r)[prefix_.size()] = static_cast<std::int32_t>(r);
    }
    return batch;
  }

 private:
  std::int64_t vocabulary_;
  std::vector<std::int32_t> prefix_;
};

std::vector<std::int32_t> random_prefix(std::size_t length, std::int32_t bos, std::int64_t vocabulary, std::uint64_t seed) {
  const CounterRandom random(seed, "vocabulary prefix");
  std::vector<std::int32_t> prefix;
  for (std::size_t i = 0; i < length; ++i)
    prefix.push_back(static_cast<std::int32_t>(random.below(i, static_cast<std::uint64_t>(vocabulary))));
  if (bos >= 0 && !prefix.empty()) prefix[0] = bos;
  return prefix;
}

DataOpener read(Settings& data) {
  const auto position =
      static_cast<std::size_t>(data.number<int>({"position", "position of the token that runs through the vocabulary"}, 0, 0, 1 << 16));
  const auto given = data.get<std::vector<int>>({"prefix", "ids in front of it"}, {});
  require(given.empty() || given.size() == position, "{}: {} tokens for position {}", data.where("prefix"), given.size(), position);
  const bool bos_said = data.has("bos"), bos = data.get<bool>({"bos", "start every sequence with the beginning-of-sequence token"}, true);
  const std::int32_t given_bos = data.has("bos_id") ? data.number<int>({"bos_id", "its id, where the model does not say it"}, 0, 0) : -1;
  require(bos || given_bos < 0, "{}: needs bos = true", data.where("bos_id"));
  const std::string where_bos = data.where("bos");
  const auto vocabulary = data.number<std::int64_t>({"vocabulary", "ids that are run through; 0 takes the model's"}, 0, 0, 1 << 24);
  const std::string where = data.where("vocabulary"), where_prefix = data.where("prefix");
  return [=](const DataContext& context) {
    const std::int64_t count = vocabulary > 0 ? vocabulary : context.vocabulary;
    require(count > 0, "{}: expected the size of the vocabulary", where);
    std::vector<std::int32_t> prefix(given.begin(), given.end());
    if (prefix.empty() && position > 0) {
      const std::int32_t id = !bos ? -1 : bos_said ? bos_id(given_bos, context, where_bos) : given_bos >= 0 ? given_bos : context.bos_id;
      if (bos && id < 0 && context.note)
        context.note(fmt::format("{}: the model names no beginning-of-sequence token; random tokens come first", where_bos));
      prefix = random_prefix(position, id, count, context.seed);
    }
    for (const std::int32_t id : prefix)
      require(id < std::max(count, context.vocabulary), "{}: {} is outside the vocabulary of {}", where_prefix, id,
              std::max(count, context.vocabulary));
    return std::make_unique<VocabularySource>(count, prefix);
  };
}

const DataSourceRegistration registration{"vocabulary", read};

}  // namespace
}  // namespace ablate
