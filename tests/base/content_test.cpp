#include "base/content.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <span>

using namespace ablate;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

/// NUL bytes included.
template <std::size_t n>
std::string bytes(const char (&text)[n]) {
  return {text, n - 1};
}

void says(const std::string& file, const char* what) {
  CAPTURE(what);
  CHECK_MESSAGE(describe_content(file).find(what) != std::string::npos, describe_content(file));
}

void refuses_json(const std::string& text, const char* message) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS(parse_json<Json>(text, "a.json"), doctest::Contains(message), InputError);
}

}  // namespace

TEST_CASE("a file is called by what it is") {
  const std::string rest(600, 'x');
  says("version https://git-lfs.github.com/spec/v1\noid sha256:44\nsize 1\n", "a Git LFS pointer, not the file itself: git lfs pull");
  says("  <!DOCTYPE HTML>\n<p>Sign in" + rest, "a web page");
  says("<html>" + rest, "a web page");
  says("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "an XML document");
  says("Entry not found", "Entry not found");
  says(bytes("PK\3\4\x14\0\0\0model/data.pkl") + rest, "pickled by PyTorch");
  says("PK\3\4" + rest, "a zip archive");
  says(bytes("GGUF\3\0\0\0") + rest, "a GGUF file");
  says(bytes("\x1f\x8b\x08\0\0\0\0\0") + rest, "compressed by gzip");
  says("\x28\xb5\x2f\xfd" + rest, "compressed by zstd");
  says("BZh91AY&SY" + rest, "compressed by bzip2");
  says(bytes("\xfd\x37zXZ\0") + rest, "compressed by xz");
  says("PAR1" + rest + "PAR1", "a Parquet table");
  says("PAR1\x15" + rest, "a Parquet table");
  says("%PDF-1.7\n" + rest, "a PDF document");
  says(std::string(257, '\0') + bytes("ustar\0") + rest, "a tar archive");
  says(std::string(257, '\0') + bytes("ustar\0") + rest + std::string(10'240, '\0'), "a tar archive");  // as all of them end
  says("\x93NUMPY" + rest, "a NumPy array");
  says(bytes("\x80\4\x95\x05\0\0\0\0\0\0\0") + rest, "a Python pickle");
  says(bytes("\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02") + rest, "a SentencePiece model");
  says(bytes("\2\0\0\0\0\0\0\0{}"), "a safetensors file");
  says(bytes("\xff\xfe") + bytes("h\0i\0"), "UTF-16");
  says(bytes("\0\0\xfe\xff"), "UTF-32");
  says(bytes("h\0e\0l\0l\0o\0 \0w\0o\0"), "UTF-16 without a mark");
  says("", "empty (0 bytes)");
  says(std::string(5000, '\0'), "nothing but zeros where it begins");
  says("Once upon a time" + std::string(5000, '\0'), "nothing but zeros where it ends");
  says(bytes("Obj\1\4\0\0\0") + std::string(20, '\0') + rest, "no text: 23 of its first 628 bytes are zero");
}

TEST_CASE("text, JSON and rows of ids are not taken for something else") {
  for (const char* text : {"Once upon a time", "{\"a\": 1}", "PARIS is a town", "PAR1 is a name", "GGUF is a format of files", "Graph",
                           "BZh, he said", "# version https", "\xef\xbb\xbfmarked", "<p>a</p>"})
    CHECK_MESSAGE(describe_content(std::string(text)) == "", text);
  CHECK(describe_content("<?xml version=\"1.0\"?>" + std::string(2 << 20, 'x')) == "");  // too long for an answer of a server
  CHECK(describe_content(std::string(257, 'x') + "ustar la idea") == "");
  CHECK(describe_content("a stray" + std::string(3, '\0') + "zero or three") == "");
  CHECK(describe_content(bytes("\x1f\x8b\x08\xe0") + std::string(600, 'x')) == "");  // flags that gzip reserves
  std::string scattered;                                                             // at both places, which text in 16 bits does not have
  for (int i = 0; i < 100; ++i) scattered += bytes("a\0b\0\0\0c\0");
  CHECK(describe_content(scattered) == "no text: 500 of its first 800 bytes are zero");
  std::string ids;
  for (int i = 0; i < 3000; ++i) ids += {static_cast<char>(i * 7), static_cast<char>(i % 197)};
  CHECK(describe_container(std::as_bytes(std::span(ids))) == "");
  const std::string zeros(4096, '\0');  // ids of 0
  CHECK(describe_container(std::as_bytes(std::span(zeros))) == "");
}

TEST_CASE("what is no JSON is refused with line and column") {
  refuses_json("{\"a\": 1,\n  \"b\": tru}", "a.json:2:11: not JSON: invalid literal");
  refuses_json("{\"a\": 1", "a.json:1:8: not JSON: unexpected end of input");
  refuses_json("{\"a\": 1}\n\n x", "a.json:3:2: not JSON");
  refuses_json("{\"a\": 1e999}", "a.json:1:11: not JSON: number overflow");
  refuses_json("", "a.json: is empty");
  refuses_json("version https://git-lfs.github.com/spec/v1\n", "a.json: is a Git LFS pointer");
  refuses_json("{\"" + std::string(100'000, 'k') + "\": @}", "...");
  CHECK(parse_json<Json>("\xef\xbb\xbf{\"a\": [1, 2]}", "a.json").at("a").size() == 2);
}

TEST_CASE("a zero byte is no end of a JSON text") {
  using namespace std::string_view_literals;
  CHECK_THROWS_WITH_AS(parse_json<nlohmann::json>("{\"a\": 1}\n\0{\"b\": 2}"sv, "f"),
                       "f:2:1: not JSON: a zero byte, behind which nothing is read", InputError);
  CHECK_THROWS_WITH_AS(parse_json<nlohmann::json>("{}\0"sv, "f"), doctest::Contains("f:1:3: not JSON: a zero byte"), InputError);
  CHECK_THROWS_WITH_AS(parse_json<nlohmann::json>("{\"a\0\": 1}"sv, "f"), doctest::Contains("f:1:4: not JSON: invalid string"), InputError);
}

TEST_CASE("keys know their lines, and may not be given twice") {
  CHECK(lines_of_keys("{\n\"a\": 1, \"b\":\n 12\n,\n\"c\": [{\"d\": \"e\\nf\"},\n {\"d\": 1}]}", "a.json") == std::vector{2, 2, 5, 5, 6});
  CHECK_THROWS_WITH_AS(lines_of_keys("{\"a\": 1,\n\"b\": {\"a\": 1},\n\"a\": 2}", "a.json"),
                       doctest::Contains("a.json:3: \"a\" is given twice (first on line 1)"), InputError);
}

TEST_CASE("what cannot be a file's content is called by its kind, at once") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const char* name, const char* message) {
    CAPTURE(std::string(name));
    CHECK_THROWS_WITH_AS(MappedFile(folder / name), doctest::Contains(message), InputError);
  };
  fs::create_directory(folder / "sub");
  refused("sub", "is a folder, not a file");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  refused("pipe", "is a pipe, not a regular file");  // without waiting for someone to write
  fs::create_symlink("gone", folder / "link");
  refused("link", "is a link to gone, which is not there");
  refused("nothing", "cannot be opened (No such file or directory)");
}
