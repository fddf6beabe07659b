#include "base/error.h"
#include "base/file.h"
#include "base/file_hash.h"
#include "base/hash.h"
#include "base/settings.h"
#include "model/json_settings.h"
#include "model/safetensors.h"
#include "model/tokenizer.h"
#include "model/tokenizer/libraries.h"
#include "support/environment.h"
#include "support/golden.h"
#include "support/places.h"
#include "support/temporary_folder.h"
#include "train/data/source.h"
#include "train/data/text_tokens.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>
#include <set>

using namespace ablate;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::unique_ptr<DataSource> open(const Json& json, const DataContext& context = {.seed = 7}) {
  Settings data = settings_from_json(json.dump(), "data");
  auto source = open_data(data, context);
  data.reject_unused();
  return source;
}

void refuses(const Json& json, const char* message) {
  CAPTURE(json.dump());
  CHECK_THROWS_WITH_AS(open(json), doctest::Contains(message), InputError);
}

/// A folder with a cache of its own.
struct Folder : test::TemporaryFolder {
  test::EnvironmentVariable cache{"ABLATE_CACHE", (path() / "cache").string()};

  std::string file(const char* name, std::string_view content) const {
    write_atomically(path() / name, content);
    return (path() / name).string();
  }
  std::string ids(const char* name, const std::vector<std::int64_t>& shape, const std::vector<std::int32_t>& values) const {
    const std::vector<TensorToWrite> tensors{TensorToWrite::from("ids", shape, values)};
    write_safetensors(path() / name, tensors);
    return (path() / name).string();
  }
};

std::vector<std::int32_t> counting(std::size_t n) {
  std::vector<std::int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

std::string counting_u16(std::size_t n) {
  std::string bytes;
  for (std::size_t i = 0; i < n; ++i) bytes += {static_cast<char>(i), static_cast<char>(i >> 8)};
  return bytes;
}

/// Whether every row counts up by one.
bool rows_count_up(const Batch& batch) {
  for (std::int64_t r = 0; r < batch.rows; ++r)
    for (std::int64_t i = 1; i < batch.columns; ++i)
      if (batch.row(r)[i] != batch.row(r)[i - 1] + 1) return false;
  return true;
}

}  // namespace

TEST_CASE("windows of a flat file: anywhere for training, apart for validation, in order for probes") {
  const Folder folder;
  const auto source = open({{"source", "tokens"}, {"file", folder.file("a.bin", counting_u16(1000))}, {"validation_share", 0.2}});
  CHECK(source->vocabulary_size() == 1000);
  CHECK(source->bos() == -1);
  const Batch batch = source->batch(5, 200, 17);
  CHECK(rows_count_up(batch));
  CHECK(*std::max_element(batch.ids.begin(), batch.ids.end()) < 800);  // the last fifth is held out
  std::set<std::int32_t> starts;
  for (std::int64_t r = 0; r < 200; ++r) starts.insert(batch.row(r)[0]);
  CHECK(starts.size() > 150);  // of 784 places, 200 draws miss few
  CHECK(open({{"source", "tokens"}, {"file", (folder / "a.bin").string()}, {"validation_share", 0.2}})->batch(5, 200, 17).ids == batch.ids);
  CHECK(source->batch(6, 200, 17).ids != batch.ids);
  CHECK(std::equal(batch.row(0), batch.row(3), source->batch(5, 3, 17).row(0)));

  const Batch validation = source->validation(3, 10);
  CHECK(validation.rows == 3);
  CHECK(rows_count_up(validation));
  CHECK(validation.row(0)[0] == 800);
  CHECK(validation.row(1)[0] == 860);  // window 6 of 20
  CHECK(source->validation(0, 10).rows == 20);
  CHECK(source->validation(99, 10).rows == 20);
  CHECK(source->probe(2, 100).ids == counting(200));
  CHECK(source->probe(0, 300).rows == 3);
  CHECK_THROWS_WITH_AS(source->validation(1, 201), doctest::Contains("a.bin: 200 tokens are too few for windows of 201"), InputError);
}

TEST_CASE("the first token of a window: the text's, a fixed one, or random ones") {
  const Folder folder;
  const std::string file = folder.file("a.bin", counting_u16(1000));
  const auto bos = open({{"source", "tokens"}, {"file", file}, {"bos", true}});
  CHECK(bos->vocabulary_size() == 1001);
  CHECK(bos->bos() == 1000);
  for (const Batch& batch : {bos->batch(0, 50, 9), bos->validation(0, 5), bos->probe(0, 9)})
    for (std::int64_t r = 0; r < batch.rows; ++r) {
      CHECK(batch.row(r)[0] == 1000);
      CHECK(batch.row(r)[2] == batch.row(r)[1] + 1);
    }
  const auto named = open({{"source", "tokens"}, {"file", file}, {"bos", true}, {"bos_id", 3}}, {.seed = 7, .bos_id = 5});
  CHECK(named->vocabulary_size() == 1000);
  CHECK(named->batch(0, 1, 9).ids[0] == 3);
  CHECK(open({{"source", "tokens"}, {"file", file}, {"bos", true}}, {.seed = 7, .bos_id = 5})->batch(0, 1, 9).ids[0] == 5);
  const auto rest = [](const Batch& batch) { return std::vector(batch.ids.begin() + 1, batch.ids.end()); };
  CHECK(rest(bos->batch(0, 1, 9)) == rest(named->batch(0, 1, 9)));

  const auto registers = open({{"source", "tokens"}, {"file", file}, {"bos", true}, {"registers", 2}});
  CHECK(registers->vocabulary_size() == 1003);
  CHECK(registers->bos() == 1000);
  const Batch behind = registers->batch(0, 1, 9), plain = bos->batch(0, 1, 9);
  CHECK(std::vector(behind.ids.begin(), behind.ids.begin() + 3) == std::vector{1000, 1001, 1002});
  CHECK(std::vector(behind.ids.begin() + 3, behind.ids.end()) == std::vector(plain.ids.begin() + 3, plain.ids.end()));
  refuses({{"source", "tokens"}, {"file", file}, {"registers", 2}}, "needs bos = true");

  const auto fixed = open({{"source", "tokens"}, {"file", file}, {"fixed_position", 3}, {"fixed_id", 1234}});
  CHECK(fixed->vocabulary_size() == 1235);
  CHECK(fixed->batch(0, 1, 9).ids[2] == 1234);
  CHECK(fixed->batch(0, 1, 9).ids[3] == fixed->batch(0, 1, 9).ids[1] + 2);
  const auto random = open({{"source", "tokens"}, {"file", file}, {"random_first", 2}});
  const Batch batch = random->batch(0, 200, 9);
  std::set<std::int32_t> firsts;
  int in_order = 0;
  for (std::int64_t r = 0; r < batch.rows; ++r) {
    firsts.insert(batch.row(r)[0]);
    in_order += batch.row(r)[1] == batch.row(r)[0] + 1 || batch.row(r)[2] == batch.row(r)[1] + 1;
    CHECK(batch.row(r)[3] == batch.row(r)[2] + 1);
  }
  CHECK(firsts.size() > 150);
  CHECK(in_order < 10);
  CHECK(random->batch(0, 200, 9).ids == batch.ids);
  refuses({{"source", "tokens"}, {"file", file}, {"bos", true}, {"random_first", 1}}, "the first token is either random or the one of bos");
  refuses({{"source", "tokens"}, {"file", file}, {"bos_id", 1}}, "needs bos = true");
}

TEST_CASE("a checkpoint's beginning-of-sequence token is never made up") {
  const Folder folder;
  const std::string file = folder.file("a.bin", counting_u16(1000));
  const Json bos{{"source", "tokens"}, {"file", file}, {"bos", true}};
  const DataContext nameless{.seed = 7, .why_no_bos = "config.json names none", .vocabulary = 2000};
  CHECK_THROWS_WITH_AS(open(bos, nameless), doctest::Contains("data:1: bos: config.json names none; give data.bos_id"), InputError);
  Json given = bos;
  given["bos_id"] = 3;
  CHECK(open(given, nameless)->bos() == 3);
  CHECK_NOTHROW(open({{"source", "tokens"}, {"file", file}}, nameless));
  given["bos_id"] = 2000;
  CHECK_THROWS_WITH_AS(open(given, nameless), doctest::Contains("start with id 2000, which a vocabulary of 2000 does not have"),
                       InputError);

  std::vector<std::string> notes;
  const auto note = [&](const std::string& line) { notes.push_back(line); };
  CHECK(open(bos, {.vocabulary = 1001, .note = note})->bos() == 1000);  // of a model made from its parts
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("every window starts with id 1000, one more than the data has") != std::string::npos);
  CHECK_THROWS_WITH_AS(open(bos, {.vocabulary = 1000}),
                       doctest::Contains("id 1000, one more than the data has, which a vocabulary of 1000"), InputError);

  const Json words{{"source", "vocabulary"}, {"position", 1}, {"bos", true}};
  CHECK_THROWS_WITH_AS(open(words, nameless), doctest::Contains("give data.bos_id"), InputError);
  notes.clear();
  open({{"source", "vocabulary"}, {"position", 1}}, {.why_no_bos = "config.json names none", .vocabulary = 20, .note = note});
  CHECK(notes.size() == 1);
}

TEST_CASE("stored batches come back in file order") {
  const auto file = test::golden_folder() / "train" / "pre.expected.safetensors";
  const auto source = open({{"source", "tokens"}, {"file", file.string()}});
  const SafetensorsFile golden(file);
  const auto ids = golden.at("ids").integers();
  const std::int64_t rows = golden.at("ids").shape[1], columns = golden.at("ids").shape[2];
  CHECK(source->own_columns() == columns);
  CHECK(source->vocabulary_size() <= 64);
  const Batch batch = source->batch(3, rows, columns);
  CHECK(std::equal(batch.ids.begin(), batch.ids.end(), ids.begin() + 3 * rows * columns));
  CHECK_THROWS_WITH_AS(source->batch(10, rows, columns), doctest::Contains("holds 10 batches, step 10 asks for one more"), InputError);
  CHECK_THROWS_WITH_AS(source->batch(0, rows + 1, columns), doctest::Contains("holds batches of 4 x 17 tokens, 5 x 17 were asked for"),
                       InputError);
}

TEST_CASE("stored sequences are drawn for training and kept in order for probes") {
  const Folder folder;
  const auto source = open({{"source", "tokens"}, {"file", folder.ids("a.safetensors", {10, 20}, counting(200))}});
  CHECK(source->own_columns() == 20);
  CHECK(source->probe(0, 0).ids == counting(200));
  CHECK(source->probe(2, 5).ids == std::vector<std::int32_t>{0, 1, 2, 3, 4, 20, 21, 22, 23, 24});
  CHECK(source->validation(3, 0).rows == 3);
  const Batch batch = source->batch(0, 100, 15);
  CHECK(rows_count_up(batch));
  std::set<std::int32_t> starts;
  for (std::int64_t r = 0; r < batch.rows; ++r) {
    starts.insert(batch.row(r)[0]);
    CHECK(batch.row(r)[0] % 20 <= 5);  // no window crosses into the next sequence
  }
  CHECK(starts.size() > 35);  // of 60 places
  CHECK_THROWS_WITH_AS(source->batch(0, 1, 21), doctest::Contains("sequences of 20 tokens are too short for 21"), InputError);
  const auto validated = open({{"source", "tokens"},
                               {"files", (folder / "a.safetensors").string()},
                               {"validation", folder.ids("b.safetensors", {1, 4}, {7, 8, 9, 500})}});
  CHECK(validated->validation(0, 0).ids == std::vector<std::int32_t>{7, 8, 9, 500});
  CHECK(validated->vocabulary_size() == 501);
}

TEST_CASE("token files that make no sense are refused") {
  const Folder folder;
  refuses({{"source", "tokens"}}, "data: files: expected the file or files to read");
  refuses({{"source", "tokens"}, {"file", "/does/not/exist.bin"}}, "/does/not/exist.bin");
  refuses({{"source", "tokens"}, {"file", "ids.npy"}}, "expected a .safetensors file with int32 ids, or a flat .bin");
  refuses({{"source", "tokens"}, {"files", {"a.safetensors", "b.safetensors"}}}, "expected one file of .safetensors");
  refuses({{"source", "tokens"}, {"files", {"a.bin", "b.safetensors"}}}, "or a flat .bin; b.safetensors is neither");
  refuses({{"source", "tokens"}, {"file", folder.file("odd.bin", "123")}}, "3 bytes are no whole number of 2-byte ids");
  refuses({{"source", "tokens"}, {"file", folder.file("wide.bin", "\xff\xff\xff\xff")}, {"dtype", "uint32"}}, "is over 2^31");
  refuses({{"source", "tokens"}, {"file", folder.ids("one.safetensors", {4}, counting(4))}}, "found 1 dimensions");
  refuses({{"source", "tokens"}, {"file", folder.ids("negative.safetensors", {1, 2}, {3, -1})}}, "-1 is no token id");
  refuses({{"source", "tokens"}, {"file", folder.ids("empty.safetensors", {0, 2}, {})}}, "holds no tokens");
  const std::vector<float> floats(4);
  const std::vector<TensorToWrite> tensors{TensorToWrite::from("ids", {2, 2}, floats)};
  write_safetensors(folder / "floats.safetensors", tensors);
  refuses({{"source", "tokens"}, {"file", (folder / "floats.safetensors").string()}}, "expected integers, found F32");
}

TEST_CASE("ids in another width than they are read in are refused") {
  const Folder folder;
  const auto ids = [&](const char* name, int width, std::int64_t factor) {
    std::string bytes;
    for (std::int64_t i = 0; i < 500; ++i)
      for (int b = 0; b < width; ++b) bytes += static_cast<char>(((i * 7 + 1) % 251 * factor) >> (8 * b));
    return folder.file(name, bytes);
  };
  const auto source = [](const std::string& file, const char* dtype = "") {
    Json json{{"source", "tokens"}, {"file", file}};
    if (*dtype) json["dtype"] = dtype;
    return json;
  };
  CHECK(open(source(ids("2.bin", 2, 1)))->vocabulary_size() == 251);
  refuses(source(ids("4.bin", 4, 1)), "4.bin: every second id is 0: are they uint32 (data.dtype = \"uint32\")");
  refuses(source(ids("8.bin", 8, 1), "uint32"), "8.bin: every second id is 0: are they int64?");
  refuses(source(folder.file("zeros.bin", std::string(1000, '\0'))), "zeros.bin: its first 500 ids are all 0");
  CHECK(open(source(ids("4.bin", 4, 1), "uint32"))->vocabulary_size() == 251);
  refuses(source(ids("large.bin", 4, 511)), "every second id is at most 1");  // ids up to 128,000
  CHECK(open(source(ids("large.bin", 4, 511), "uint32"))->vocabulary_size() == 250 * 511 + 1);
  CHECK(open(source(ids("large.bin", 4, 511), "uint16"))->vocabulary_size() > 2);  // whoever says so has it
  refuses(source(ids("seven.bin", 4, 2000)), "every second id is at most 7");      // ids up to 500,000
  CHECK_NOTHROW(open(source(ids("eight.bin", 4, 2100))));
  CHECK_THROWS_WITH_AS(open(source(ids("2.bin", 2, 1)), {.vocabulary = 250}),
                       doctest::Contains("is 250, which a vocabulary of 250 does not have"), InputError);
  CHECK_NOTHROW(open(source(ids("2.bin", 2, 1)), {.vocabulary = 251}));
  CHECK_THROWS_WITH_AS(open(source(ids("2.bin", 2, 1), "uint32"), {.vocabulary = 251}),
                       doctest::Contains("which a vocabulary of 251 does not have (the ids are read as uint32; data.dtype says how)"),
                       InputError);
  CHECK_THROWS_WITH_AS(open({{"source", "tokens"}, {"file", folder.ids("a.safetensors", {1, 3}, {1, 9, 2})}}, {.vocabulary = 9}),
                       doctest::Contains("holds the id 9, which a vocabulary of 9 does not have"), InputError);
  refuses(source(folder.file("zip.bin", "PK\3\4" + std::string(600, 'x'))), "zip.bin: is a zip archive");
  refuses(source(folder.file("page.bin", "<html>" + std::string(600, 'x'))), "page.bin: is a web page");
}

TEST_CASE("files of llm.c say what they hold") {
  const Folder folder;
  const auto file = [&](std::int32_t magic, std::int32_t version, std::int32_t count, int width) {
    std::vector<std::int32_t> header(256);
    header[0] = magic, header[1] = version, header[2] = count;
    std::string bytes(reinterpret_cast<const char*>(header.data()), 1024);
    for (int i = 0; i < 100; ++i)
      for (int b = 0; b < width; ++b) bytes += static_cast<char>((i + 300) >> (8 * b));
    return folder.file("t.bin", bytes);
  };
  const auto json = [](const std::string& path) { return Json{{"source", "tokens"}, {"file", path}}; };
  for (const int width : {2, 4}) {
    const auto source = open(json(width == 2 ? file(20240520, 1, 100, 2) : file(20240801, 7, 100, 4)));
    CHECK(source->vocabulary_size() == 400);
    CHECK(source->probe(0, 100).ids[0] == 300);
  }
  refuses(json(file(20240520, 1, 99, 2)), "says 99 ids, the file holds 100");
  refuses(json(file(20240520, 2, 100, 2)), "of version 2; expected version 1");
  refuses(json(file(20240522, 1, 100, 2)), "a file of questions of llm.c");
  Json wide = json(file(20240520, 1, 100, 2));
  wide["dtype"] = "uint32";
  refuses(wide, "its header (llm.c's 20240520) says uint16, data.dtype says uint32");
}

TEST_CASE("what is no text is refused, and damaged text counted") {
  const Folder folder;
  const fs::path tokenizer = test::tests_folder() / "golden" / "tokenizers" / "gpt2" / "tokenizer.json";
  std::vector<std::string> notes;
  const auto note = [&](const std::string& line) { notes.push_back(line); };
  const auto open_text = [&](const std::string& content, const char* kind) {
    Json json{{"source", "text"}, {"files", folder.file("a.txt", content)}};
    if (*kind) json["tokenizer"] = kind;
    return open(json, {.seed = 1, .tokenizer = tokenizer, .note = note});
  };
  const auto refused = [&](const std::string& content, const char* message) {
    for (const char* kind : {"", "bytes"}) CHECK_THROWS_WITH_AS(open_text(content, kind), doctest::Contains(message), InputError);
  };
  const std::string rest(1000, 'x');
  refused(std::string("\x1f\x8b\x08\0\0\0\0\0", 8) + rest, "a.txt: is compressed by gzip: unpack it (gunzip)");
  refused("PAR1" + rest + "PAR1", "a.txt: is a Parquet table");
  refused(std::string("\xff\xfeh\0i\0", 6), "a.txt: is text in UTF-16");
  refused("version https://git-lfs.github.com/spec/v1\n", "a.txt: is a Git LFS pointer");
  CHECK(notes.empty());

  std::string text;
  for (int i = 0; i < 200; ++i) text += "a plain line of text\n";
  open_text(text + "\xe9 and \xe9\n", "");
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("a.txt: 2 places are no UTF-8, the first on line 201: each is read as U+FFFD") != std::string::npos);
  open_text(text + "\xe9 and \xe9\n", "bytes");  // keeps every byte
  CHECK(notes.size() == 1);
  open_text("{\"text\": \"a\"}\n{\"text\": \"b\"}\n", "");
  REQUIRE(notes.size() == 2);
  CHECK(notes[1].find("looks like JSON lines") != std::string::npos);
  std::string latin1;
  for (int i = 0; i < 50; ++i)
    latin1 +=
        "\xc9l\xe8ve, fa\xe7"
        "ade\n";
  CHECK_THROWS_WITH_AS(open_text(latin1, ""), doctest::Contains("a.txt: is not UTF-8: 150 places in 700 bytes are ill-formed"), InputError);
}

TEST_CASE("a tokenizer may have more tokens than the model, as long as the text has none of them") {
  const Folder folder;
  Json tokenizer = Json::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
    "added_tokens": [{"id": 2, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}]})");
  const DataContext context{.seed = 1, .tokenizer = folder.file("tokenizer.json", tokenizer.dump()), .vocabulary = 2};
  const auto source = [&](const char* text) { return Json{{"source", "text"}, {"files", folder.file("a.txt", text)}}; };
  CHECK(open(source("abab"), context)->vocabulary_size() == 2);
  CHECK_THROWS_WITH_AS(
      open(source("ab[PAD]"), context),
      doctest::Contains("token 2 is \"[PAD]\", id 2, which a model with vocab_size = 2 does not have (its tokenizer has 3 ids)"),
      InputError);
}

TEST_CASE("text that is held out is in no window of training") {
  const Folder folder;
  const auto source = open({{"source", "text"},
                            {"files", folder.file("a.txt", std::string(800, 'a') + std::string(200, 'b'))},
                            {"tokenizer", "bytes"},
                            {"validation_share", 0.2}});
  const Batch batch = source->batch(0, 300, 17), validation = source->validation(0, 10);
  CHECK(std::count(batch.ids.begin(), batch.ids.end(), 'b') == 0);
  CHECK(std::count(validation.ids.begin(), validation.ids.end(), 'b') == 200);
}

TEST_CASE("windows begin at every place from which one fits, the last too") {
  const Folder folder;
  const Json json{{"source", "tokens"}, {"file", folder.file("a.bin", counting_u16(6))}, {"validation_share", 0.0}};
  const Batch batch = open(json)->batch(0, 60, 5);
  std::set<std::int32_t> starts;
  for (std::int64_t r = 0; r < batch.rows; ++r) starts.insert(batch.row(r)[0]);
  CHECK(starts == std::set<std::int32_t>{0, 1});
  CHECK(open(json)->batch(0, 1, 6).ids == counting(6));
}

TEST_CASE("tokens of one tokenizer are not taken for another's, nor cut to fewer bits than they have") {
  const Folder folder;
  const std::string text = folder.file("a.txt", "abab");
  const auto ids = [&](int a, int b) {
    const Json tokenizer{{"model", {{"type", "BPE"}, {"vocab", {{"a", a}, {"b", b}}}, {"merges", Json::array()}}}};
    return open({{"source", "text"}, {"files", text}}, {.seed = 1, .tokenizer = folder.file("tokenizer.json", tokenizer.dump())})
        ->probe(1, 4)
        .ids;
  };
  CHECK(ids(0, 1) == std::vector<std::int32_t>{0, 1, 0, 1});
  CHECK(ids(1, 0) == std::vector<std::int32_t>{1, 0, 1, 0});
  CHECK(ids(0, 65535) == std::vector<std::int32_t>{0, 65535, 0, 65535});
  CHECK(ids(0, 65536) == std::vector<std::int32_t>{0, 65536, 0, 65536});
}

TEST_CASE("every token of the vocabulary stands behind the beginning of a sequence") {
  const auto source = open({{"source", "vocabulary"}, {"position", 2}, {"bos_id", 5}}, {.seed = 1, .vocabulary = 20});
  const Batch batch = source->probe(0, 0);
  REQUIRE(batch.rows == 20);
  for (std::int64_t r = 0; r < batch.rows; ++r) {
    CHECK(batch.row(r)[0] == 5);
    CHECK(batch.row(r)[1] == batch.row(0)[1]);
    CHECK(batch.row(r)[2] == r);
  }
}

TEST_CASE("a checkpoint without a tokenizer.json says what it has instead") {
  const Folder folder;
  const DataContext context{.seed = 1, .tokenizer = folder / "tokenizer.json"};
  const Json json{{"source", "text"}, {"files", folder.file("a.txt", "hello")}};
  CHECK_THROWS_WITH_AS(open(json, context), doctest::Contains("has none: copy the tokenizer.json of the model there"), InputError);
  folder.file("tokenizer.model", "x");
  CHECK_THROWS_WITH_AS(open(json, context),
                       doctest::Contains("it has a tokenizer.model, which is not read: save the tokenizer as tokenizer.json"), InputError);
}

TEST_CASE("text becomes bytes, once") {
  const Folder folder;
  const std::string a = folder.file("a.txt", "hello "), b = folder.file("b.txt", "world");
  const Json json{{"source", "text"}, {"files", {a, b}}, {"tokenizer", "bytes"}, {"validation_share", 0.0}};
  const auto source = open(json);
  CHECK(source->vocabulary_size() == 256);
  const Batch all = source->probe(0, 11);
  CHECK(std::string(all.ids.begin(), all.ids.end()) == "hello world");
  const auto cached = [&] {
    const fs::directory_iterator files(folder / "cache" / "tokens");
    return std::vector<fs::directory_entry>(begin(files), end(files));
  };
  REQUIRE(cached().size() == 1);
  // The key holds all that decides ids: also the libraries, which the system may replace.
  Hasher key;
  key.add(fmt::format("version 3, {}", tokenizer_libraries())).add("bytes").add(content_hash(a)).add(content_hash(b));
  CHECK(cached()[0].path().filename() == key.hex() + ".u16");
  CHECK(tokenizer_libraries().find("oniguruma 6.") != std::string::npos);
  CHECK(tokenizer_libraries().find("utf8proc 2.") != std::string::npos);
  const auto written = fs::last_write_time(cached()[0]);
  CHECK(open(json)->batch(0, 4, 5).ids == source->batch(0, 4, 5).ids);
  CHECK(fs::last_write_time(cached()[0]) == written);
  folder.file("b.txt", "World");
  open(json);
  CHECK(cached().size() == 2);

  const auto validated = open({{"source", "text"}, {"files", a}, {"validation", b}, {"tokenizer", "bytes"}, {"bos", true}});
  CHECK(validated->validation(0, 5).ids == std::vector<std::int32_t>{256, 'o', 'r', 'l', 'd'});
  CHECK(validated->vocabulary_size() == 257);
}

TEST_CASE("text through a tokenizer.json is what the tokenizer says of the whole") {
  const Folder folder;
  std::string name;
  SUBCASE("spaces in front of words") { name = "gpt2"; }
  SUBCASE("a space in front of the text") { name = "llama2"; }
  const fs::path tokenizer = test::tests_folder() / "golden" / "tokenizers" / name / "tokenizer.json";
  std::string text;
  for (int i = 0; text.size() < 2'500'000; ++i)
    text += fmt::format("Line {} of a text, with \"quotes\".\n{}  - and more\n\n", i, i % 7 ? "" : "\n\n");
  const std::string file = folder.file("a.txt", text);
  const auto source = open({{"source", "text"}, {"files", file}}, {.seed = 1, .tokenizer = tokenizer});
  const auto whole = Tokenizer::load(tokenizer).encode(text, false);
  CHECK(source->probe(1, std::ssize(whole)).ids == whole);
  CHECK_THROWS_AS(source->probe(1, std::ssize(whole) + 1), InputError);
}

TEST_CASE("text files that make no sense are refused") {
  const Folder folder;
  const std::string file = folder.file("a.txt", "hello");
  refuses({{"source", "text"}, {"tokenizer", "bytes"}}, "data: files");
  refuses({{"source", "text"}, {"files", Json::array()}, {"tokenizer", "bytes"}}, "at least one file");
  refuses({{"source", "text"}, {"files", file}}, "expected \"bytes\" or the path of a tokenizer.json");
  refuses({{"source", "text"}, {"files", file}, {"tokenizer", "/does/not/exist"}}, "/does/not/exist");
  refuses({{"source", "text"}, {"files", file}, {"tokenizer", "bytes"}, {"validation_share", 1.0}}, "validation_share");
  refuses({{"source", "text"}, {"files", file}, {"tokenizer", "bytes"}, {"shuffle", true}}, "shuffle");
  const auto source = open({{"source", "text"}, {"files", file}, {"tokenizer", "bytes"}});
  CHECK_THROWS_WITH_AS(source->batch(0, 1, 6), doctest::Contains("a.txt: 5 tokens are too few for windows of 6"), InputError);
  CHECK_THROWS_WITH_AS(source->batch(0, 1, 0), doctest::Contains("length of a window"), InputError);
  const auto empty = open({{"source", "text"}, {"files", folder.file("empty.txt", "")}, {"tokenizer", "bytes"}});
  CHECK_THROWS_AS(empty->batch(0, 1, 2), InputError);
}
