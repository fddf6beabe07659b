#include "base/error.h"
#include "base/file.h"
#include "base/settings.h"
#include "model/json_settings.h"
#include "model/safetensors.h"
#include "model/tokenizer.h"
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
  refuses({{"source", "tokens"}, {"files", {"a.bin", "b.bin"}}}, "expected one file");
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
