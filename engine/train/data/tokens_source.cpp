// [data] source = "tokens": ids that someone else prepared, files = "FILE" (and validation = "FILE" of the same kind):
//   safetensors, int32 `ids` (N, T): N sequences; a training step draws some of them
//   safetensors, int32 `ids` (steps, B, T+1): the batches, one per step, in file order
//   flat little-endian uint16 or uint32 (.bin), or a file of llm.c, whose header says which: one long row, cut into windows; several of
//     them (a list, a pattern, a folder) are one row in their order; dtype = "uint16", order = "random" | "epochs", and without a
//     validation file validation_share = 0.01 of the ids, from the end
// bos, bos_id, registers, random_first, fixed_position, fixed_id as for text.
#include "base/error.h"
#include "base/random.h"
#include "base/settings.h"
#include "model/safetensors.h"
#include "train/data/data_files.h"
#include "train/data/token_file.h"
#include "train/data/windows.h"

#include <algorithm>
#include <deque>
#include <optional>

namespace ablate {
namespace {

namespace fs = std::filesystem;

/// One more than the greatest id. Throws InputError for one that a vocabulary of `most` (0: any) does not have.
std::int64_t vocabulary_of(std::span<const std::int32_t> ids, std::int64_t most, const std::string& where) {
  std::int64_t greatest = -1;
  for (const std::int32_t id : ids) {
    require(id >= 0, "{}: {} is no token id", where, id);
    require(most == 0 || id < most, "{}: holds the id {}, which a vocabulary of {} does not have", where, id, most);
    greatest = std::max<std::int64_t>(greatest, id);
  }
  return greatest + 1;
}

/// Sequences of one width.
struct Sequences {
  std::vector<std::int64_t> shape;
  std::vector<std::int32_t> ids;
  std::string where;

  explicit Sequences(const fs::path& path) : where(fmt::format("{}: ids", path.string())) {
    const SafetensorsFile file(path);
    const TensorView& tensor = file.at("ids");
    shape = tensor.shape;
    require(shape.size() == 2 || shape.size() == 3, "{}: expected (sequences, tokens) or (steps, batch, tokens), found {} dimensions",
            where, shape.size());
    ids = tensor.integers();
    require(!ids.empty(), "{}: holds no tokens", where);
  }

  std::int64_t columns() const { return shape.back(); }
  std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()) / columns(); }
  void copy(std::int64_t row, std::int64_t first, std::span<std::int32_t> out) const {
    std::copy_n(ids.begin() + row * columns() + first, out.size(), out.begin());
  }

  std::int64_t width(std::int64_t wanted) const {
    require(wanted <= columns(), "{}: sequences of {} tokens are too short for {}", where, columns(), wanted);
    return wanted ? wanted : columns();
  }

  /// The first rows, cut to `wanted` columns.
  Batch first(std::int64_t wanted_rows, std::int64_t wanted) const {
    Batch batch = make_batch(wanted_rows ? std::min(wanted_rows, rows()) : rows(), width(wanted));
    for (std::int64_t r = 0; r < batch.rows; ++r) copy(r, 0, {batch.row(r), static_cast<std::size_t>(batch.columns)});
    return batch;
  }
};

class SequenceSource : public DataSource {
 public:
  SequenceSource(const fs::path& file, const fs::path& validation, const WindowOptions& options, const DataContext& context)
      : train_(file), rule_(options, vocabulary_of(train_.ids, context.vocabulary, train_.where), context) {
    if (validation.empty()) return;
    validation_.emplace(validation);
    vocabulary_of_validation_ = vocabulary_of(validation_->ids, context.vocabulary, validation_->where);
  }

  std::int64_t vocabulary_size() const override { return std::max(rule_.vocabulary_size(), vocabulary_of_validation_); }
  std::int64_t own_columns() const override { return train_.columns(); }
  std::int32_t bos() const override { return rule_.bos(); }

  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override {
    Batch batch = train_.shape.size() == 3 ? stored(step, rows, columns) : drawn(step, rows, train_.width(columns));
    for (std::int64_t r = 0; r < rows; ++r) rule_.apply(row(batch, r), (step << 24) + static_cast<std::uint64_t>(r));
    return batch;
  }
  Batch validation(std::int64_t rows, std::int64_t columns) const override {
    return fixed(validation_ ? *validation_ : train_, rows, columns);
  }
  Batch probe(std::int64_t rows, std::int64_t columns) const override { return fixed(train_, rows, columns); }

 private:
  static std::span<std::int32_t> row(Batch& batch, std::int64_t r) { return {batch.row(r), static_cast<std::size_t>(batch.columns)}; }

  Batch fixed(const Sequences& sequences, std::int64_t rows, std::int64_t columns) const {
    Batch batch = sequences.first(rows, columns);
    for (std::int64_t r = 0; r < batch.rows; ++r) rule_.apply(row(batch, r), ~static_cast<std::uint64_t>(r));
    return batch;
  }

  Batch stored(std::uint64_t step, std::int64_t rows, std::int64_t columns) const {
    require(rows == train_.shape[1] && columns == train_.shape[2],
            "{}: holds batches of {} x {} tokens, {} x {} were asked for (batch, seq_len + 1)", train_.where, train_.shape[1],
            train_.shape[2], rows, columns);
    require(step < static_cast<std::uint64_t>(train_.shape[0]), "{}: holds {} batches, step {} asks for one more", train_.where,
            train_.shape[0], step);
    Batch batch = make_batch(rows, columns);
    for (std::int64_t r = 0; r < rows; ++r) train_.copy(static_cast<std::int64_t>(step) * rows + r, 0, row(batch, r));
    return batch;
  }

  Batch drawn(std::uint64_t step, std::int64_t rows, std::int64_t columns) const {
    const CounterRandom random(rule_.seed(), hash_text("windows") + step);
    const auto starts = static_cast<std::uint64_t>(train_.columns() - columns + 1);
    Batch batch = make_batch(rows, columns);
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto draw = random.below(static_cast<std::uint64_t>(r), static_cast<std::uint64_t>(train_.rows()) * starts);
      train_.copy(static_cast<std::int64_t>(draw / starts), static_cast<std::int64_t>(draw % starts), row(batch, r));
    }
    return batch;
  }

  Sequences train_;
  std::optional<Sequences> validation_;
  std::int64_t vocabulary_of_validation_ = 0;
  WindowRule rule_;
};

/// Flat files, one behind the other.
class TokenFiles {
 public:
  TokenFiles(const std::vector<fs::path>& paths, int width) : where_(name_of_files(paths)) {
    std::vector<TokenSpan> parts;
    for (const fs::path& path : paths) parts.push_back(files_.emplace_back(path, width).tokens());
    tokens_ = TokenRow(std::move(parts));
  }

  const TokenRow& tokens() const { return tokens_; }
  const std::string& where() const { return where_; }
  std::int64_t vocabulary(std::int64_t most) const {
    std::int64_t all = 0;
    for (const TokenFile& file : files_) all = std::max(all, file.vocabulary(most));
    return all;
  }

 private:
  std::string where_;
  std::deque<TokenFile> files_;
  TokenRow tokens_;
};

class FlatSource : public DataSource {
 public:
  FlatSource(const std::vector<fs::path>& paths, const std::vector<fs::path>& validation, int width, double share,
             const WindowOptions& options, const DataContext& context)
      : file_(paths, width),
        train_(file_.tokens()),
        validation_(file_.tokens()),
        rule_(options, vocabulary(validation, width, context), context) {
    if (validation_file_) {
      validation_ = validation_file_->tokens();
      return;
    }
    const auto held_out = static_cast<std::int64_t>(static_cast<double>(train_.size()) * share);
    if (held_out == 0) return;
    validation_ = train_.part(train_.size() - held_out, train_.size());
    train_ = train_.part(0, train_.size() - held_out);
  }

  std::int64_t vocabulary_size() const override { return rule_.vocabulary_size(); }
  std::int32_t bos() const override { return rule_.bos(); }
  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override {
    return training_windows(train_, rule_, step, rows, columns, file_.where());
  }
  Batch validation(std::int64_t rows, std::int64_t columns) const override {
    return fixed_windows(validation_, rule_, rows, columns, Spread::evenly, validation_file_ ? validation_file_->where() : file_.where());
  }
  Batch probe(std::int64_t rows, std::int64_t columns) const override {
    return fixed_windows(file_.tokens(), rule_, rows, columns, Spread::first, file_.where());
  }

 private:
  std::int64_t vocabulary(const std::vector<fs::path>& validation, int width, const DataContext& context) {
    if (!validation.empty()) validation_file_.emplace(validation, width);
    return std::max(file_.vocabulary(context.vocabulary), validation_file_ ? validation_file_->vocabulary(context.vocabulary) : 0);
  }

  TokenFiles file_;
  std::optional<TokenFiles> validation_file_;
  TokenRow train_, validation_;
  WindowRule rule_;
};

bool is_flat(const fs::path& file) { return file.extension() == ".bin"; }

void check_flat(const std::vector<fs::path>& files, const std::string& where) {
  for (const fs::path& file : files)
    require(is_flat(file), "{}: expected a .safetensors file with int32 ids, or a flat .bin; {} is neither", where, file.string());
}

DataOpener read(Settings& data) {
  const DataFiles files = read_data_files(data, is_flat),
                  validation = read_data_files(data, {"validation", "held out for validation, of the same kind as file"}, is_flat);
  const std::string where = data.where(data.has("file") ? "file" : "files");
  const WindowOptions windows = WindowOptions::from(data);
  if (files.files.front().extension() == ".safetensors") {
    require(files.files.size() == 1, "{}: expected one file of .safetensors", where);
    require(validation.files.size() <= 1, "{}: expected one file", data.where("validation"));
    require(!windows.epochs, "{}: \"epochs\" is for flat files of ids", data.where("order"));
    const fs::path file = files.files.front(), held_out = validation.files.empty() ? "" : validation.files.front();
    return [=](const DataContext& context) { return std::make_unique<SequenceSource>(file, held_out, windows, context); };
  }
  check_flat(files.files, where);
  check_flat(validation.files, data.where("validation"));
  const int said = !data.has("dtype") ? 0
                   : data.choice({"dtype", "width of the ids of a .bin file without a header"}, "uint16", {"uint16", "uint32"}) == "uint16"
                       ? 2
                       : 4;
  const double share =
      validation.files.empty()
          ? data.number<double>({"validation_share", "share of the ids, from the end, that is held out for validation"}, 0.01, 0.0, 0.9)
          : 0.0;
  return [=](const DataContext& context) {
    for (const DataFiles* all : {&files, &validation})
      for (const std::string& line : all->notes)
        if (context.note) context.note(line);
    return std::make_unique<FlatSource>(files.files, validation.files, said, share, windows, context);
  };
}

const DataSourceRegistration registration{"tokens", read};

}  // namespace
}  // namespace ablate
