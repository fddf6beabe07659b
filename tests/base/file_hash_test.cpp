#include "base/file_hash.h"

#include "base/error.h"
#include "base/hash.h"
#include "support/folder.h"

#include <doctest/doctest.h>

#include <fstream>

using namespace ablate;
namespace fs = std::filesystem;

TEST_CASE("hashes are XXH3's, and pieces of bytes are the whole") {
  CHECK(Hasher().hex() == "99aa06d3014798d86001c324468d497f");  // xxHash's own test vectors, of nothing
  CHECK(hash_bytes({}) == 0x6001c324468d497fu);
  const std::string text(100'000, 'x');
  const auto bytes = std::as_bytes(std::span(text));
  CHECK(Hasher().add(bytes.first(1)).add(bytes.subspan(1)).hex() == Hasher().add(bytes).hex());
  CHECK(Hasher().add(bytes.first(7)).add(bytes.subspan(7)).number() == hash_bytes(bytes));
  CHECK(Hasher().add("ab").add("c").hex() != Hasher().add("a").add("bc").hex());
}

TEST_CASE("a file is read once as long as it stays what it was, and what is new is read again") {
  const TestFolder folder;
  const fs::path file = folder.write("a.bin", "one");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  const auto write = [&](const char* content, fs::file_time_type time) {
    folder.write("a.bin", content);
    fs::last_write_time(file, time);
  };
  CHECK_FALSE(known_content_hash(file));
  fs::last_write_time(file, old);
  const std::string first = content_hash(file);
  CHECK(known_content_hash(file) == first);
  write("two", old);  // the same size and time: only a second reading could see the difference
  CHECK(content_hash(file) == first);
  write("two", old + std::chrono::seconds(1));
  CHECK_FALSE(known_content_hash(file));
  const std::string second = content_hash(file);
  CHECK(second != first);
  CHECK(content_hash(folder.write("b.bin", "two")) == second);  // whatever it is called

  const auto now = fs::file_time_type::clock::now();  // a file that may change within one tick of the clock
  write("six", now);
  const std::string third = content_hash(file);
  CHECK(known_content_hash(file) == third);
  write("ten", now);
  CHECK(content_hash(file) != third);
  CHECK_THROWS_WITH_AS(content_hash(folder.path() / "none"), doctest::Contains("none: cannot be opened"), InputError);
  CHECK_FALSE(known_content_hash(folder.path() / "none"));
}

TEST_CASE("a folder is what its .json and .safetensors files are") {
  const TestFolder folder;
  folder.write("model/config.json", "{}");
  folder.write("model/model.safetensors", "weights");
  const fs::path path = folder.path() / "model";
  CHECK_FALSE(known_content_hash(path));
  const std::string first = content_hash(path);
  CHECK(known_content_hash(path) == first);
  folder.write("model/README.md", "words");
  folder.write("model/optimizer.safetensors", "moments");
  CHECK(content_hash(path) == first);
  folder.write("model/tokenizer.json", "{}");
  CHECK(content_hash(path) != first);
}

TEST_CASE("all of a large file counts, and of a folder the names too") {
  const TestFolder folder;
  const std::uintmax_t size = (64u << 20) + 3;  // more than is read at once
  for (const char* name : {"a.bin", "b.bin"}) {
    folder.write(name, "");
    fs::resize_file(folder.path() / name, size);
  }
  CHECK(content_hash(folder.path() / "a.bin") == content_hash(folder.path() / "b.bin"));
  fs::resize_file(folder.path() / "b.bin", size - 1);
  {
    std::ofstream end(folder.path() / "b.bin", std::ios::app | std::ios::binary);
    end << 'x';
  }
  CHECK(fs::file_size(folder.path() / "b.bin") == size);
  CHECK(content_hash(folder.path() / "a.bin") != content_hash(folder.path() / "b.bin"));
  folder.write("one/config.json", "{}");
  folder.write("two/generation_config.json", "{}");
  CHECK(content_hash(folder.path() / "one") != content_hash(folder.path() / "two"));
}
