#include "train/data/source.h"

#include "base/error.h"
#include "base/settings.h"

#include <algorithm>
#include <map>

namespace ablate {
namespace {

constexpr std::int64_t most_ids = std::int64_t{1} << 31;  // 8 GiB of them

struct Entry {
  DataReader read;
  bool has_task;
};

std::map<std::string, Entry>& registry() {
  static std::map<std::string, Entry> entries;
  return entries;
}

const Entry& find_entry(Settings& data) {
  std::vector<std::string> names;
  for (const auto& [name, reader] : registry()) names.push_back(name);
  return registry().at(
      data.choice({"source", "where tokens come from"}, data.get<std::string>({"source", "where tokens come from"}), names));
}

const SectionRegistration section{{"data", [](Settings& experiment) {
                                     if (!experiment.has("data")) return;
                                     Settings data = experiment.table({"data", "the tokens"});
                                     read_data(data);
                                   }}};

}  // namespace

Batch make_batch(std::int64_t rows, std::int64_t columns) {
  require(rows <= most_ids / std::max<std::int64_t>(columns, 1),
          "data: {} sequences of {} tokens are asked for at once, and no more than {} tokens can be", rows, columns, most_ids);
  return {rows, columns, std::vector<std::int32_t>(static_cast<std::size_t>(rows * columns))};
}

DataSourceRegistration::DataSourceRegistration(std::string name, DataReader reader, bool has_task) {
  registry()[std::move(name)] = {std::move(reader), has_task};
}

bool has_task(Settings& data) { return find_entry(data).has_task; }

DataOpener read_data(Settings& data) {
  const DataOpener open = find_entry(data).read(data);
  if (!data.has("seed")) return open;
  const auto seed = static_cast<std::uint64_t>(data.get<std::int64_t>({"seed", "of the data alone; the run's if absent"}));
  return [open, seed](DataContext context) {
    context.seed = seed;
    return open(context);
  };
}

std::unique_ptr<DataSource> open_data(Settings& data, const DataContext& context) { return read_data(data)(context); }

}  // namespace ablate
