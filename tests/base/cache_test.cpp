#include "base/cache.h"

#include "base/file.h"
#include "base/prune_cache.h"
#include "support/environment.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <thread>

using namespace ablate;
using namespace ablate::test;

namespace {

struct OwnCache : TemporaryFolder {
  EnvironmentVariable variable{"ABLATE_CACHE", (path() / "cache").string()};
  std::filesystem::path file() const { return path() / "cache" / "a" / "b"; }
};

std::string keep(const CacheFile& file, std::string_view first, std::string_view second = "") {
  return file.keep([&](const CacheFile::Sink& sink) {
    for (const std::string_view piece : {first, second}) sink(std::as_bytes(std::span(piece.data(), piece.size())));
    return true;
  });
}

std::string content(const CacheFile& file) {
  const auto kept = file.read();
  return kept ? std::string(reinterpret_cast<const char*>(kept->bytes().data()), kept->bytes().size()) : "none";
}

}  // namespace

TEST_CASE("what the cache keeps comes back, in pieces or none at all") {
  const OwnCache own;
  const CacheFile file("a/b");
  CHECK(content(file) == "none");
  CHECK(keep(file, "12345", "678") == "");
  CHECK(content(file) == "12345678");
  CHECK(keep(file, "", "") == "");
  CHECK(content(file) == "");
  CHECK(keep(file, "new") == "");
  CHECK(file.keep([](const CacheFile::Sink& sink) { return sink({}), false; }) == "");
  CHECK(content(file) == "new");
}

TEST_CASE("a file of the cache that was changed counts as missing") {
  const OwnCache own;
  const CacheFile file("a/b");
  keep(file, "0123456789");
  const std::string whole = read_text(own.file());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_atomically(own.file(), whole.substr(0, size));
    CHECK(content(file) == "none");
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    write_atomically(own.file(), changed);
    CHECK(content(file) == "none");
  }
  write_atomically(own.file(), whole + "x");
  CHECK(content(file) == "none");
  CHECK(keep(file, "again") == "");
  CHECK(content(file) == "again");
}

// What was found whole once is taken for whole as long as it stays as it was.
TEST_CASE("a file of the cache that was changed after it had been read counts as missing") {
  const OwnCache own;
  const CacheFile file("a/b");
  const auto aged = [&](int hours) {
    std::filesystem::last_write_time(own.file(), std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  const auto spoil = [&] {
    std::string changed = read_text(own.file());
    changed[3] = static_cast<char>(changed[3] ^ 4);
    write_atomically(own.file(), changed);
  };
  keep(file, "0123456789");
  aged(5);
  CHECK(content(file) == "0123456789");
  spoil();
  aged(4);
  CHECK(content(file) == "none");
  // A file as new as this may change within a tick of the clock, and is looked at anew.
  keep(file, "0123456789");
  const auto now = std::filesystem::last_write_time(own.file());
  CHECK(content(file) == "0123456789");
  spoil();
  std::filesystem::last_write_time(own.file(), now);
  CHECK(content(file) == "none");
}

TEST_CASE("a cache that cannot be had is told of in one line, the same for all files") {
  const OwnCache own;
  write_atomically(own / "file", "");
  const EnvironmentVariable nowhere("ABLATE_CACHE", (own / "file").string());
  const CacheFile one("a/b"), other("c");
  CHECK(content(one) == "none");
  const std::string trouble = keep(one, "1");
  CHECK(trouble.find((own / "file").string()) != trouble.npos);
  CHECK(trouble.find("ABLATE_CACHE=FOLDER") != trouble.npos);
  CHECK(trouble.find('\n') == trouble.npos);
  CHECK(keep(other, "1") == trouble);
}

TEST_CASE("what making the content throws is not the cache's trouble") {
  const OwnCache own;
  const CacheFile file("a/b");
  const auto fail = [&] {
    return file.keep([](const CacheFile::Sink& sink) -> bool {
      sink(std::as_bytes(std::span("half", 4)));
      throw InputError("bad text");
    });
  };
  CHECK_THROWS_WITH_AS(fail(), "bad text", InputError);
  CHECK(content(file) == "none");
}

TEST_CASE("of several that make one file, one works while the others wait, and find it") {
  const OwnCache own;
  int made = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        const CacheFile file("a/b");
        file.keep([&](const CacheFile::Sink& sink) {
          if (file.read()) return false;
          ++made;
          sink(std::as_bytes(std::span("content", 7)));
          return true;
        });
      });
  }
  CHECK(made == 1);
  CHECK(content(CacheFile("a/b")) == "content");
}

TEST_CASE("of the files of one kind the newest stay") {
  namespace fs = std::filesystem;
  const OwnCache own;
  const fs::path folder = own.path() / "cache";
  const auto names = [&] {
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder)) all.insert(entry.path().filename().string());
    return all;
  };
  fs::create_directories(folder / "kind-folder");
  const auto now = fs::file_time_type::clock::now();
  for (const char* name : {"kind-3", "kind-1", "kind-2", "kind-0.partial", "other-0"}) {
    write_atomically(folder / name, "x");
    fs::last_write_time(folder / name, now - std::chrono::hours(name[5]));  // "3" is the oldest
  }
  prune_cache("kind-", 2);
  CHECK(names() == std::set<std::string>{"kind-1", "kind-2", "kind-0.partial", "kind-folder", "other-0"});
  prune_cache("none-", 0);
  CHECK(names().size() == 5);
  fs::remove_all(folder);
  CHECK_NOTHROW(prune_cache("kind-", 0));
}
