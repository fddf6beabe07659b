#include "base/file.h"

#include "base/error.h"
#include "base/system_file.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <span>
#include <thread>
#include <vector>
#ifndef _WIN32
#include <pthread.h>
#include <unistd.h>
#include <csignal>
#endif

using namespace ablate;
using namespace ablate::test;
namespace fs = std::filesystem;

TEST_CASE("an atomic write replaces the old file and leaves no temporary name") {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  write_atomically(folder / "a.txt", "old");
  write_atomically(folder / "a.txt", "new");
  CHECK(read_text(folder / "a.txt") == "new");
  CHECK_FALSE(fs::exists(folder / "a.txt.partial"));
  CHECK_THROWS_AS(write_atomically(folder / "missing" / "a.txt", "x"), RunError);
}

TEST_CASE("many who write one file leave one of their contents whole") {
  const TemporaryFolder temporary;
  const fs::path file = temporary.path() / "a.txt";
  const auto whole = [](const std::string& text) {
    return !text.empty() && text.size() % 1000 == 0 && text.find_first_not_of(text[0]) == std::string::npos;
  };
  write_atomically(file, std::string(1000, 'x'));
  std::atomic<int> writing = 4, failed = 0;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 4; ++i)
    writers.emplace_back([&, i] {
      try {
        for (std::size_t n = 1; n <= 40; ++n) write_atomically(file, std::string(n * 1000, static_cast<char>('a' + i)));
      } catch (const std::exception&) {
        ++failed;
      }
      --writing;
    });
  while (writing > 0) failed += !whole(read_text(file));
  CHECK(failed == 0);
  writers.clear();
  CHECK(read_text(file).size() == 40'000);
  CHECK_FALSE(fs::exists(temporary.path() / "a.txt.partial"));
}

TEST_CASE("a missing file is bad input, and the message names it") {
  CHECK_THROWS_WITH_AS(read_text("/does/not/exist"), doctest::Contains("/does/not/exist"), InputError);
  CHECK_THROWS_AS(MappedFile("/"), InputError);
}

TEST_CASE("a folder is locked once") {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  {
    const FolderLock lock(folder);
    CHECK_THROWS_AS(FolderLock{folder}, InputError);
  }
  CHECK_NOTHROW(FolderLock{folder});
}

TEST_CASE("bytes of a mapped file whose memory was given back are read again") {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  std::string content(100'000, 'x');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i % 251);
  write_atomically(folder / "a.bin", content);
  {
    const MappedFile file(folder / "a.bin");
    const auto same = [&] { return std::equal(file.bytes().begin(), file.bytes().end(), std::as_bytes(std::span(content)).begin()); };
    CHECK(same());
    for (const std::size_t first : {std::size_t{0}, std::size_t{5000}, std::size_t{99'999}}) drop_pages(file.bytes().subspan(first));
    drop_pages({});
    CHECK(same());
  }
}

#ifndef _WIN32
TEST_CASE("a signal during a write is no full disk") {
  struct sigaction heard {};
  struct sigaction before {};
  heard.sa_handler = [](int) {};  // without SA_RESTART: what it interrupts ends with EINTR
  ::sigaction(SIGUSR1, &heard, &before);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::vector<std::byte> bytes(1 << 20);  // more than a pipe holds
  std::string trouble = "not written";
  std::atomic<bool> done = false;
  std::thread writer([&] {
    trouble = system_file::write_all(ends[1], bytes);
    done = true;
    ::close(ends[1]);
  });
  std::size_t read = 0;
  std::vector<char> piece(1 << 16);
  for (ssize_t size = 1; size > 0; read += static_cast<std::size_t>(size)) {
    for (int i = 0; i < 20 && !done; ++i) ::pthread_kill(writer.native_handle(), SIGUSR1), std::this_thread::yield();
    size = ::read(ends[0], piece.data(), piece.size());
    if (size < 0) break;
  }
  writer.join();
  ::close(ends[0]);
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(trouble == "");
  CHECK(read == bytes.size());
}
#endif
