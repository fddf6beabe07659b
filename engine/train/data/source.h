// Where token ids come from. A batch is a pure function of (seed, step): nothing to save, nothing to lose when a run resumes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

class Settings;
class BigramTask;

/// Token ids, row-major (rows, columns). For training, columns = T + 1: inputs are columns 0 .. T-1 and targets 1 .. T.
struct Batch {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int32_t> ids;
};

class DataSource {
 public:
  virtual ~DataSource() = default;

  /// Ids are 0 .. vocabulary_size() - 1.
  virtual std::int64_t vocabulary_size() const = 0;

  /// The training batch of `step`. Throws InputError when the source cannot give that shape (too short, fixed width).
  virtual Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const = 0;

  /// The first `rows` evaluation sequences, the same at every call, disjoint from the training data where a share of it is held out or a
  /// validation file is given. rows = 0: all there are (an error for a source without end); columns = 0: the source's own width.
  virtual Batch validation(std::int64_t rows, std::int64_t columns) const = 0;

  /// The width the stored sequences have (`tokens` of (N, T) or (steps, B, T+1)); 0 when any width can be asked for.
  virtual std::int64_t own_columns() const { return 0; }

  /// The id every window starts with, or -1.
  virtual std::int32_t bos() const { return -1; }

  /// The generating process, where it is known: oracle risks can be measured against it.
  virtual const BigramTask* task() const { return nullptr; }
};

/// Makes a source from its `[data]` table and the run's seed.
using DataSourceFactory = std::function<std::unique_ptr<DataSource>(Settings& data, std::uint64_t seed)>;

/// At namespace scope in the source's own file: `static const DataSourceRegistration registration{"bigram_backcopy", make};`
struct DataSourceRegistration {
  DataSourceRegistration(std::string name, DataSourceFactory factory);
};

/// The source that `[data]` asks for (`source = "..."`; `seed` in the table overrides the run's). Throws InputError listing the known
/// sources.
std::unique_ptr<DataSource> open_data(Settings& data, std::uint64_t seed);

}  // namespace ablate
