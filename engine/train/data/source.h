// Where token ids come from. A batch is a pure function of (seed, step): nothing to save, nothing to lose when a run resumes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

class Settings;
class BigramTask;

/// Token ids, row-major (rows, columns). For training, columns = T + 1: inputs are columns 0 .. T-1 and targets 1 .. T. A probe runs over
/// all columns and predicts 1 .. columns-1.
struct Batch {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int32_t> ids;

  std::int32_t* row(std::int64_t r) { return ids.data() + r * columns; }
  const std::int32_t* row(std::int64_t r) const { return ids.data() + r * columns; }
};

Batch make_batch(std::int64_t rows, std::int64_t columns);

class DataSource {
 public:
  virtual ~DataSource() = default;

  /// Ids are 0 .. vocabulary_size() - 1.
  virtual std::int64_t vocabulary_size() const = 0;

  /// The training batch of `step`. Throws InputError when the source cannot give that shape (too short, fixed sizes, no step of that
  /// number).
  virtual Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const = 0;

  /// Sequences for the validation loss: the same at every call, spread over the validation file, or the held-out share of the training
  /// data, or else the training data itself. At most `rows`, fewer if there are no more; rows = 0: all there are. columns = 0:
  /// own_columns().
  virtual Batch validation(std::int64_t rows, std::int64_t columns) const = 0;

  /// Sequences for probes of a finished model: the first `rows` of the whole source, in order and without overlap; sizes as above.
  virtual Batch probe(std::int64_t rows, std::int64_t columns) const { return validation(rows, columns); }

  /// The width the stored sequences have (`tokens` of (N, T) or (steps, B, T+1)); 0 when any width can be asked for.
  virtual std::int64_t own_columns() const { return 0; }

  /// The id every window starts with, or -1.
  virtual std::int32_t bos() const { return -1; }

  /// The generating process, where it is known: oracle risks can be measured against it.
  virtual const BigramTask* task() const { return nullptr; }
};

/// What a source takes from the run around it, where its own table doesn't say.
struct DataContext {
  std::uint64_t seed = 0;
  std::filesystem::path tokenizer = {};  ///< of the checkpoint under study, there or not; empty without one
  std::int32_t bos_id = -1;              ///< of the model under study
  std::string why_no_bos = {};           ///< why a checkpoint under study gives none; empty where a model is made from its parts
  std::int64_t vocabulary = 0;           ///< of the model under study; 0: not known
  std::function<void(const std::string&)> note = {};  ///< takes what is to be said of the data, a line each
  std::function<void(const std::string&)> tell = {};  ///< takes how far long work on them is, a line from time to time
};

/// Opens a source whose table has been read: this is where files are touched.
using DataOpener = std::function<std::unique_ptr<DataSource>(const DataContext& context)>;
/// Reads the keys of a `[data]` table, so that a plan can be checked without its data.
using DataReader = std::function<DataOpener(Settings& data)>;

/// At namespace scope in the source's own file: `const DataSourceRegistration registration{"bigram_backcopy", read};`
struct DataSourceRegistration {
  DataSourceRegistration(std::string name, DataReader reader, bool has_task = false);
};

/// Whether what `[data]` asks for has a task(), known without opening it.
bool has_task(Settings& data);

/// The source that `[data]` asks for (`source = "..."`; `seed` in the table overrides the run's). Throws InputError listing the known
/// sources.
DataOpener read_data(Settings& data);
std::unique_ptr<DataSource> open_data(Settings& data, const DataContext& context);

}  // namespace ablate
