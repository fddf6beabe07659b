#ifdef __linux__
#include "base/process.h"

#include "base/error.h"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>

using namespace ablate;

namespace {

int next_file() {
  const int file = ::dup(STDIN_FILENO);
  ::close(file);
  return file;
}

std::size_t open_files() {
  using Entries = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Entries("/proc/self/fd"), Entries())) - 1;  // but the folder itself
}

/// While it lives, this process can open files of numbers below `most` only.
class FileLimit {
 public:
  explicit FileLimit(int most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{static_cast<rlim_t>(most), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a worker that cannot be started leaves no file open") {
  const std::size_t before = open_files();
  Workers workers;
  {
    const FileLimit limit(next_file() + 3);  // for one pipe of the two
    CHECK_THROWS_WITH_AS(workers.start({"--version"}), doctest::Contains("no pipe to a worker"), RunError);
  }
  CHECK(open_files() == before);
}
#endif
