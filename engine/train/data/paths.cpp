#include "train/data/paths.h"

#include "base/error.h"

namespace ablate {

std::vector<std::filesystem::path> read_files(Settings& data) {
  const Key file{"file", "the file to read"}, files{"files", "the files to read, one or a list"};
  const Key& key = data.has(file) ? file : files;
  require(data.has(key), "{}: expected the file or files to read", data.where(key));
  return read_paths(data, key);
}

}  // namespace ablate
