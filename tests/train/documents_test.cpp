// Readers of text files: compression, lines of JSON, patterns and folders, and what is refused.
#include "train/data/documents.h"

#include "base/error.h"
#include "base/file.h"
#include "model/json_settings.h"
#include "support/compressed.h"
#include "support/temporary_folder.h"
#include "train/data/data_files.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace ablate;
using test::gzipped;
using test::zstd_packed;
namespace fs = std::filesystem;

namespace {

struct Folder : test::TemporaryFolder {
  fs::path file(const std::string& name, std::string_view content) const {
    fs::create_directories((path() / name).parent_path());
    write_atomically(path() / name, content);
    return path() / name;
  }
};

std::string unpacked(const fs::path& file, std::size_t at_once = 7) {
  const auto stream = open_stream(file);
  std::string text, piece(at_once, '\0');
  while (const std::size_t count = stream->read(piece)) text.append(piece, 0, count);
  CHECK(stream->read(piece) == 0);
  CHECK(stream->stored() == fs::file_size(file));
  return text;
}

/// The documents of the files, read in batches of about `size` bytes.
std::vector<std::string> documents(const std::vector<fs::path>& files, std::size_t size = 1 << 20, DocumentPlace from = {}) {
  DocumentReader reader(files, size, {}, from);
  std::vector<std::string> all;
  while (const auto batch = reader.next())
    for (const DocumentBatch::Document& document : batch->documents()) {
      const std::string_view text = batch->text(document);
      all.push_back(document.line > 0 ? document_of_line(text, "text", files[document.file].string(), document.line) : std::string(text));
    }
  return all;
}

std::string many_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "{\"id\": " + std::to_string(i) + ", \"text\": \"document " + std::to_string(i * i) + "\"}\n";
  return text;
}

std::vector<std::string> files_of(const fs::path& folder, const nlohmann::json& names) {
  nlohmann::json json{{"files", names}};
  for (nlohmann::json& name : json["files"]) name = (folder / name.get<std::string>()).string();
  Settings data = settings_from_json(json.dump(), "data");
  std::vector<std::string> relative;
  for (const fs::path& file : read_data_files(data, is_text_file).files) relative.push_back(fs::relative(file, folder).generic_string());
  return relative;
}

}  // namespace

TEST_CASE("files are unpacked by their names, streams behind one another too") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 60000; ++i) text += std::to_string(i * 7919 % 10007) + ' ';
  CHECK(unpacked(folder.file("a.txt", text)) == text);
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{4096}, std::size_t{1} << 20}) {
    CHECK(unpacked(folder.file("a.gz", gzipped(text)), at_once) == text);
    CHECK(unpacked(folder.file("a.zst", zstd_packed(text)), at_once) == text);
    CHECK(unpacked(folder.file("b.gz", gzipped("one ") + gzipped("") + gzipped(text)), at_once) == "one " + text);
    CHECK(unpacked(folder.file("b.zst", zstd_packed("one ") + zstd_packed("") + zstd_packed(text)), at_once) == "one " + text);
  }
  CHECK(unpacked(folder.file("padded.gz", gzipped("one") + std::string(512, '\0') + gzipped("two") + std::string(40, '\0'))) == "onetwo");
  CHECK(unpacked(folder.file("nothing.gz", gzipped(""))).empty());
  CHECK(unpacked(folder.file("nothing.zst", zstd_packed(""))).empty());
}

TEST_CASE("what is damaged or cut short is said with the file's name, wherever it is cut") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919 % 10007) + ' ';
  for (const bool zstd : {false, true}) {
    const std::string packed = zstd ? zstd_packed(text) : gzipped(text), name = zstd ? "a.zst" : "a.gz";
    CAPTURE(name);
    for (std::size_t size = 0; size < packed.size(); size += 97) {
      CAPTURE(size);
      folder.file(name, std::string_view(packed).substr(0, size));
      CHECK_THROWS_WITH_AS(unpacked(folder / name, 1 << 16), doctest::Contains("was it cut short?"), InputError);
    }
    folder.file(name, packed + "rest");
    CHECK_THROWS_WITH_AS(unpacked(folder / name, 1 << 16), doctest::Contains(name.c_str()), InputError);
    folder.file(name, text);
    CHECK_THROWS_WITH_AS(unpacked(folder / name, 1 << 16), doctest::Contains("file, or a damaged one"), InputError);
  }
  std::string packed = gzipped(text);
  packed[packed.size() - 6] ^= 1;  // of the check sum
  folder.file("a.gz", packed);
  CHECK_THROWS_WITH_AS(unpacked(folder / "a.gz"), doctest::Contains("incorrect data check"), InputError);
}

TEST_CASE("documents are the same whatever a batch holds and wherever reading is taken up again") {
  const Folder folder;
  const std::string lines = many_lines(2000);
  const std::vector<fs::path> files{folder.file("a.jsonl", lines),
                                    folder.file("b.txt", "a text\r\nof two lines\r\n"),
                                    folder.file("c.jsonl.zst", zstd_packed(lines)),
                                    folder.file("d.txt.gz", gzipped("packed")),
                                    folder.file("e.txt", ""),
                                    folder.file("f.jsonl.gz", gzipped(lines.substr(0, lines.size() - 1)))};
  const std::vector<std::string> all = documents(files);
  REQUIRE(all.size() == 6003);
  CHECK(all[3] == "document 9");
  CHECK(all[2000] == "a text\r\nof two lines\r\n");  // as it stands
  CHECK(all[2001 + 1999] == "document 3996001");
  CHECK(all[4001] == "packed");
  CHECK(all[4002].empty());
  CHECK(all.back() == "document 3996001");
  for (const std::size_t size : {1, 100, 5000}) CHECK(documents(files, size) == all);

  DocumentReader reader(files, 3000, {});
  std::size_t before = 0;
  while (const auto batch = reader.next()) {
    before += batch->documents().size();
    const std::vector<std::string> rest = documents(files, 40000, batch->end());
    REQUIRE(rest == std::vector(all.begin() + static_cast<std::ptrdiff_t>(before), all.end()));
  }
  CHECK(before == all.size());
}

TEST_CASE("a text longer than a batch is one document, packed or not") {
  const Folder folder;
  const std::string text(6 << 20, 'x');
  const std::vector<fs::path> files{folder.file("a.txt", "first"), folder.file("b.txt", text), folder.file("c.txt.zst", zstd_packed(text)),
                                    folder.file("d.jsonl", "{\"text\": \"" + text + "\"}")};
  DocumentReader reader(files, 1 << 20, folder / "scratch");
  std::vector<std::size_t> sizes;
  while (const auto batch = reader.next())
    for (const auto& document : batch->documents()) sizes.push_back(batch->text(document).size());
  CHECK(sizes == std::vector<std::size_t>{5, text.size(), text.size(), text.size() + 12});
}

TEST_CASE("lines of JSON: line ends, blank lines, a byte order mark; nested and repeated fields") {
  const Folder folder;
  const std::vector<fs::path> files{folder.file(
      "a.jsonl",
      "\xef\xbb\xbf{\"text\": \"one\"}\r\n\r\n  \n{\"text\": \"\"}\n{\"meta\": {\"text\": \"no\"}, \"text\": \"\\u00e9\\n\", \"n\": [1, {\"text\": 2}]}")};
  DocumentReader reader(files, 1 << 20, {});
  const auto batch = reader.next();
  REQUIRE(batch);
  CHECK(batch->blank_lines() == 2);
  CHECK(documents(files) == std::vector<std::string>{"one", "", "\xc3\xa9\n"});
  CHECK(batch->documents().back().line == 5);
  CHECK(document_of_line(R"({"text": 1, "body": "b", "text": "last"})", "text", "f", 1) == "last");
  CHECK(document_of_line(R"({"text": 1, "body": "b"})", "body", "f", 1) == "b");
}

TEST_CASE("lines that are none say file, line and column") {
  const auto refuses = [](const char* line, const char* message) {
    CAPTURE(line);
    CHECK_THROWS_WITH_AS(document_of_line(line, "text", "f.jsonl", 7), doctest::Contains(message), InputError);
  };
  refuses(R"({"text": "a)", "f.jsonl:7:12: not JSON");
  refuses(R"({"text": "a"} x)", "f.jsonl:7:15: not JSON");
  refuses(R"({"text": 'a'})", "f.jsonl:7:10: not JSON");
  refuses(R"({"text": "\ud800"})", "f.jsonl:7:");
  refuses(R"(["text"])", "f.jsonl:7: expected a JSON object");
  refuses(R"({"body": "a"})", "f.jsonl:7: has no \"text\"");
  refuses(R"({"text": 12})", "f.jsonl:7: \"text\" is a number; expected a string");
  refuses(R"({"text": null})", "\"text\" is null");
  refuses(R"({"text": {"text": "a"}})", "\"text\" is an object");
  CHECK_THROWS_WITH_AS(document_of_line(std::string_view("{\"text\": \"a\"}\0{", 15), "text", "f", 1), doctest::Contains("a zero byte"),
                       InputError);
}

TEST_CASE("names, patterns and folders become files in an order of their own") {
  const Folder folder;
  for (const char* name :
       {"b.txt", "a.txt", "a10.txt", "sub/c.jsonl.zst", "sub/deep/d.txt.gz", "sub/readme.md", ".hidden.txt", ".git/e.txt", "[x].txt"})
    folder.file(name, "x");
  using Names = std::vector<std::string>;
  CHECK(files_of(folder.path(), {"b.txt", "a.txt"}) == Names{"b.txt", "a.txt"});
  CHECK(files_of(folder.path(), {"?.txt"}) == Names{"a.txt", "b.txt"});
  CHECK(files_of(folder.path(), {"a*.txt", "b.txt"}) == Names{"a.txt", "a10.txt", "b.txt"});
  CHECK(files_of(folder.path(), {"[ab].txt"}) == Names{"a.txt", "b.txt"});
  CHECK(files_of(folder.path(), {"[!a].txt"}) == Names{"b.txt"});
  CHECK(files_of(folder.path(), {"[x].txt"}) == Names{"[x].txt"});  // there is one of that name
  CHECK(files_of(folder.path(), {"s*/*.zst"}) == Names{"sub/c.jsonl.zst"});
  CHECK(files_of(folder.path(), {"sub/**"}) == Names{"sub/c.jsonl.zst", "sub/deep/d.txt.gz", "sub/readme.md"});
  CHECK(files_of(folder.path(), {"**/d*.gz"}) == Names{"sub/deep/d.txt.gz"});
  CHECK(files_of(folder.path(), {"sub"}) == Names{"sub/c.jsonl.zst", "sub/deep/d.txt.gz"});
  CHECK(files_of(folder.path(), {"none*.txt"}) == Names{"none*.txt"});  // refused when it is opened
  Settings data = settings_from_json(nlohmann::json{{"files", (folder / "sub").string()}}.dump(), "data");
  const DataFiles files = read_data_files(data, is_text_file);
  REQUIRE(files.notes.size() == 1);
  CHECK(files.notes[0].find("1 files of other kinds are left out (readme.md)") != std::string::npos);
  CHECK(data.resolved().as<Value::Table>()->at("files").files.size() == 2);  // what decides caches and resume
  CHECK(matches_pattern("abcabd", "*ab?"));
  CHECK_FALSE(matches_pattern("abcabde", "*ab?"));
  CHECK(matches_pattern("", "*"));
  CHECK(matches_pattern("a-b", "a[x-]b"));
}
