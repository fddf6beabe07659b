// Documents as one row of ids: the same however they are made, kept, and taken up again.
#include "train/data/corpus.h"

#include "base/error.h"
#include "base/file.h"
#include "model/json_settings.h"
#include "model/tokenizer.h"
#include "support/compressed.h"
#include "support/environment.h"
#include "support/places.h"
#include "support/temporary_folder.h"
#include "train/data/growing_tokens.h"
#include "train/data/shuffle.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>
#include <set>

using namespace ablate;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

struct Folder : test::TemporaryFolder {
  test::EnvironmentVariable cache{"ABLATE_CACHE", (path() / "cache").string()};

  fs::path file(const char* name, std::string_view content) const {
    write_atomically(path() / name, content);
    return path() / name;
  }
  std::vector<fs::path> cached() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path() / "cache" / "tokens")) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }
};

fs::path gpt2() { return test::tests_folder() / "golden" / "tokenizers" / "gpt2" / "tokenizer.json"; }

std::vector<std::string> texts() {
  std::vector<std::string> all;
  for (int i = 0; i < 400; ++i)
    all.push_back(i % 50 == 7 ? ""
                              : "Document " + std::to_string(i) + ", with \"quotes\" and\n" +
                                    std::string(static_cast<std::size_t>(i % 13), '\n') + "a caf\xc3\xa9");
  return all;
}

std::string lines_of(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) lines += Json{{"text", text}}.dump() + "\n";
  return lines;
}

std::vector<std::int32_t> ids_of(const TokenSpan& tokens) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens.size()));
  tokens.copy(0, ids);
  return ids;
}

std::unique_ptr<DataSource> open(const Json& json, const DataContext& context) {
  Settings data = settings_from_json(json.dump(), "data");
  auto source = open_data(data, context);
  data.reject_unused();
  return source;
}

}  // namespace

TEST_CASE("a corpus is its documents' ids, one behind the other, whatever the threads and the batches") {
  const std::vector<std::string> all = texts();
  const Tokenizer tokenizer = Tokenizer::load(gpt2());
  const TextEncoder encoder = text_encoder(gpt2());
  std::vector<std::int32_t> plain, marked;
  for (const std::string& text : all) {
    const auto ids = tokenizer.encode(text, false);
    plain.insert(plain.end(), ids.begin(), ids.end());
    if (ids.empty()) continue;  // an empty document has no marks either
    marked.push_back(50256);
    marked.insert(marked.end(), ids.begin(), ids.end());
    marked.push_back(7);
  }
  for (const unsigned threads : {1u, 5u})
    for (const std::size_t batch : {std::size_t{1}, std::size_t{3000}, std::size_t{1} << 25}) {
      const Folder folder;
      const std::vector<fs::path> files{folder.file("a.jsonl.gz", test::gzipped(lines_of(all)))};
      std::vector<std::string> notes;
      TextRules rules{.batch = batch, .threads = threads, .note = [&](const std::string& line) { notes.push_back(line); }};
      CHECK(ids_of(Corpus(files, encoder, 2, rules).tokens()) == plain);
      REQUIRE(notes.size() == 1);
      CHECK(notes[0].find("8 of 400 documents are empty and give no ids") != std::string::npos);
      rules.start_id = 50256, rules.end_id = 7;
      const Corpus corpus(files, encoder, 2, rules);
      CHECK(ids_of(corpus.tokens()) == marked);
      CHECK(corpus.greatest() == *std::max_element(marked.begin(), marked.end()));
      CHECK(folder.cached().size() == 4);  // ids and index of each; the journals are gone
    }
}

TEST_CASE("a file of text has the same ids as a corpus as it has alone, also in parts for all cores") {
  const Folder folder;
  std::string text;
  for (int i = 0; text.size() < 6'000'000; ++i) text += "Line " + std::to_string(i) + " of a text.\n";
  const TextEncoder encoder = text_encoder(gpt2());
  const auto whole = ids_of(TextTokens({folder.file("a.txt", text)}, encoder).tokens());
  CHECK(ids_of(Corpus({folder / "a.txt"}, encoder, 2, {}).tokens()) == whole);
  CHECK(ids_of(TextTokens({folder.file("a.txt.zst", test::zstd_packed(text))}, encoder).tokens()) == whole);
  CHECK(ids_of(TextTokens({folder.file("a.jsonl", lines_of({text}))}, encoder).tokens()) == whole);
}

TEST_CASE("tokenizing goes on from what a killed process left, as far as it is whole") {
  const TextEncoder encoder = text_encoder("bytes");
  const TextRules rules{.batch = 2000};
  const Folder folder;
  const std::vector<fs::path> files{folder.file("a.jsonl.zst", test::zstd_packed(lines_of(texts())))};
  const Corpus whole(files, encoder, 2, rules);
  const auto ids = ids_of(whole.tokens());
  const auto cached = folder.cached();
  REQUIRE(cached.size() == 2);
  const fs::path index = cached[0], data = cached[1];
  const auto& records = whole.records();
  REQUIRE(records.size() > 8);

  const std::string bytes = read_text(data);
  fs::path journal = data;
  journal.replace_extension(".journal");
  std::string lines;
  std::size_t size = 0;
  for (std::size_t i = 0; i < 5; ++i) lines += to_line(records[i]), size += 2 * static_cast<std::size_t>(records[i].ids);
  const auto killed = [&](const std::string& journal_left, const std::string& data_left, std::size_t kept) {
    fs::remove(index);
    write_atomically(journal, journal_left);
    write_atomically(data, data_left);
    {
      GrowingTokens growing(data, journal, 2);
      CHECK(growing.records().size() == kept);
    }
    CHECK(ids_of(Corpus(files, encoder, 2, rules).tokens()) == ids);
    CHECK_FALSE(fs::exists(journal));
  };
  killed(lines, bytes.substr(0, size), 5);
  killed(lines, bytes.substr(0, size + 33), 5);     // in the middle of a batch
  killed(lines + "{\"file\": 0, \"off", bytes, 5);  // in the middle of a line
  killed(lines, bytes.substr(0, size - 1), 4);      // the system went down, too
  killed("", bytes, 0);
  std::string changed = bytes;
  changed[size - 20] ^= 1;
  killed(lines, changed, 4);
  killed("rubbish\n" + lines, bytes, 0);

  write_atomically(data, changed);  // a finished one that was spoiled
  CHECK(ids_of(Corpus(files, encoder, 2, rules).tokens()) == ids);
  fs::remove(data);
  CHECK(ids_of(Corpus(files, encoder, 2, rules).tokens()) == ids);
}

TEST_CASE("a corpus is made once, and again for other contents, fields or marks") {
  const Folder folder;
  const TextEncoder encoder = text_encoder("bytes");
  const fs::path file = folder.file("a.jsonl", "{\"text\": \"ab\", \"body\": \"c\"}\n");
  const auto ids = [&](const TextRules& rules) { return ids_of(Corpus({file}, encoder, 2, rules).tokens()); };
  CHECK(ids({}) == std::vector<std::int32_t>{'a', 'b'});
  const auto made = fs::last_write_time(folder.cached()[1]);
  CHECK(ids({}) == std::vector<std::int32_t>{'a', 'b'});
  CHECK(fs::last_write_time(folder.cached()[1]) == made);
  CHECK(ids({.field = "body"}) == std::vector<std::int32_t>{'c'});
  CHECK(ids({.end_id = 256}) == std::vector<std::int32_t>{'a', 'b', 256});
  folder.file("a.jsonl", "{\"text\": \"xy\", \"body\": \"c\"}\n");
  CHECK(ids({}) == std::vector<std::int32_t>{'x', 'y'});
}

TEST_CASE("damaged UTF-8 in documents is counted, much of it refused, and the first bad document is the one that is told") {
  const Folder folder;
  const TextEncoder encoder = text_encoder(gpt2());
  std::vector<std::string> notes;
  const TextRules rules{.batch = 500, .note = [&](const std::string& line) { notes.push_back(line); }};
  std::string lines;
  for (int i = 0; i < 300; ++i)
    lines += std::string("{\"text\": \"a plain line of text") + (i == 150 || i == 250 ? "\xe9 and \xe9" : "") + "\"}\n";
  Corpus({folder.file("a.jsonl", lines)}, encoder, 2, rules);
  Corpus({folder / "a.jsonl"}, encoder, 2, rules);  // from the cache
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].find("a.jsonl: 4 places are no UTF-8, the first on line 151: each is read as U+FFFD") != std::string::npos);
  CHECK(notes[1] == notes[0]);
  std::string latin1;
  for (int i = 0; i < 50; ++i) latin1 += "{\"text\": \"\xc9l\xe8ve\"}\n";
  CHECK_THROWS_WITH_AS(Corpus({folder.file("b.jsonl", latin1)}, encoder, 2, rules), doctest::Contains("b.jsonl: is not UTF-8"), InputError);
  for (const unsigned threads : {1u, 4u}) {
    folder.file("c.jsonl", lines_of(texts()) + "{\"text\": 1}\n" + lines_of(texts()) + "{\n");
    CHECK_THROWS_WITH_AS(Corpus({folder / "c.jsonl"}, encoder, 2, {.threads = threads}),
                         doctest::Contains("c.jsonl:401: \"text\" is a number"), InputError);
  }
}

TEST_CASE("[data] of JSON lines, packed files and folders, by its keys") {
  const Folder folder;
  fs::create_directories(folder / "in");
  write_atomically(folder / "in/a.jsonl", R"({"body": "abc"}
{"body": "de"}
)");
  write_atomically(folder / "in/b.txt.gz", test::gzipped("fg"));
  std::vector<std::string> notes;
  const DataContext context{.seed = 1, .note = [&](const std::string& line) { notes.push_back(line); }};
  Json json{{"source", "text"},       {"files", (folder / "in").string()}, {"field", "body"},
            {"document_end_id", 256}, {"document_start_id", 257},          {"tokenizer", "bytes"},
            {"validation_share", 0.0}};
  const auto source = open(json, context);
  CHECK(source->vocabulary_size() == 258);
  CHECK(source->probe(1, 13).ids == std::vector<std::int32_t>{257, 'a', 'b', 'c', 256, 257, 'd', 'e', 256, 257, 'f', 'g', 256});
  CHECK(notes.empty());
  CHECK_THROWS_WITH_AS(open(json, {.vocabulary = 257}), doctest::Contains("document_end_id: a vocabulary of 257 does not have the id 257"),
                       InputError);
  json["validation"] = (folder / "in/*.gz").string();
  json.erase("validation_share");
  CHECK(open(json, context)->validation(1, 4).ids == std::vector<std::int32_t>{257, 'f', 'g', 256});
  write_atomically(folder / "in/c.parquet", "PAR1");
  CHECK_THROWS_WITH_AS(open(json, context), doctest::Contains("c.parquet: Parquet is not read; convert it: python3 -c"), InputError);
  json["files"] = (folder / "cache").string();
  CHECK_THROWS_WITH_AS(open(json, context), doctest::Contains("holds no .txt or .jsonl file"), InputError);
  json["files"] = (folder / "none*.txt").string();
  CHECK_THROWS_WITH_AS(open(json, context), doctest::Contains("none*.txt"), MissingFile);
}

TEST_CASE("shards of ids are one row in the order of their names, with and without headers") {
  const Folder folder;
  const auto shard = [&](const char* name, int first, int count, bool header) {
    std::string bytes;
    if (header) {
      std::vector<std::int32_t> words(256);
      words[0] = 20240520, words[1] = 1, words[2] = count;
      bytes.assign(reinterpret_cast<const char*>(words.data()), 1024);
    }
    for (int i = first; i < first + count; ++i) bytes += {static_cast<char>(i), static_cast<char>(i >> 8)};
    return folder.file(name, bytes);
  };
  shard("s_000.bin", 0, 300, true), shard("s_001.bin", 300, 5, false), shard("s_002.bin", 305, 400, true);
  const Json json{{"source", "tokens"}, {"files", (folder / "s_*.bin").string()}, {"validation_share", 0.2}};
  const auto source = open(json, {.seed = 3});
  CHECK(source->vocabulary_size() == 705);
  std::vector<std::int32_t> counting(700);
  std::iota(counting.begin(), counting.end(), 0);
  CHECK(source->probe(0, 100).ids == counting);
  CHECK(source->validation(1, 141).ids.front() == 564);
  const Batch batch = source->batch(0, 500, 17);
  bool across = false;
  for (std::int64_t r = 0; r < batch.rows; ++r) {
    for (std::int64_t i = 1; i < 17; ++i) REQUIRE(batch.row(r)[i] == batch.row(r)[i - 1] + 1);
    across = across || (batch.row(r)[0] < 300 && batch.row(r)[16] >= 305);
  }
  CHECK(across);
  shard("all.bin", 0, 705, false);
  CHECK(open({{"source", "tokens"}, {"files", (folder / "all.bin").string()}, {"validation_share", 0.2}}, {.seed = 3})
            ->batch(0, 500, 17)
            .ids == batch.ids);
}

TEST_CASE("an order drawn by seed holds everything once") {
  for (const std::uint64_t count : {1u, 2u, 3u, 17u, 64u, 1000u, 4097u}) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < count; ++i) seen.insert(shuffled(i, count, 5, 1));
    CHECK(seen.size() == count);
    CHECK(*seen.rbegin() == count - 1);
  }
  std::vector<std::uint64_t> a, b, c;
  std::int64_t neighbours = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    a.push_back(shuffled(i, 1000, 5, 1)), b.push_back(shuffled(i, 1000, 5, 2)), c.push_back(shuffled(i, 1000, 6, 1));
    neighbours += i > 0 && a[i] == a[i - 1] + 1;
  }
  CHECK(a != b);
  CHECK(a != c);
  CHECK(neighbours < 10);
}

TEST_CASE("epochs: every window once, in another order each time, and each step by itself knows where it stands") {
  const Folder folder;
  std::string bytes;
  for (int i = 0; i < 1001; ++i) bytes += {static_cast<char>(i), static_cast<char>(i >> 8)};
  const Json json{{"source", "tokens"}, {"file", folder.file("a.bin", bytes).string()}, {"validation_share", 0.0}, {"order", "epochs"}};
  const auto source = open(json, {.seed = 3});
  std::vector<std::int32_t> firsts;
  for (std::uint64_t step = 0; step < 20; ++step) {  // 100 windows of 11, ten a step: two epochs
    const Batch batch = source->batch(step, 10, 11);
    for (std::int64_t r = 0; r < 10; ++r) {
      firsts.push_back(batch.row(r)[0]);
      CHECK(batch.row(r)[10] == batch.row(r)[0] + 10);
    }
  }
  const std::vector<std::int32_t> first(firsts.begin(), firsts.begin() + 100), second(firsts.begin() + 100, firsts.end());
  CHECK(std::set(first.begin(), first.end()).size() == 100);
  CHECK(std::set(second.begin(), second.end()) == std::set(first.begin(), first.end()));
  CHECK(*std::max_element(first.begin(), first.end()) == 990);
  CHECK(first != second);
  CHECK(open(json, {.seed = 3})->batch(13, 10, 11).ids == source->batch(13, 10, 11).ids);
  CHECK(open(json, {.seed = 4})->batch(13, 10, 11).ids != source->batch(13, 10, 11).ids);
}
