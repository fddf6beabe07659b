// Text of any length has the ids that it has as a whole, wherever it is cut for the cores and for memory.
#include "base/error.h"
#include "base/file.h"
#include "model/tokenizer.h"
#include "support/folder.h"
#include "support/places.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <ctime>

#ifndef _WIN32
#include <sys/resource.h>
#endif

using namespace ablate;
using nlohmann::json;
using Ids = std::vector<std::int32_t>;

namespace {

std::filesystem::path goldens() { return test::tests_folder() / "golden/tokenizers"; }

Ids long_ids(const Tokenizer& tokenizer, std::string_view text, std::size_t window, unsigned threads) {
  Ids all;
  tokenizer.encode_long(text, {.scratch_folder = {}, .memory = 256 << 20, .window = window, .threads = threads},
                        [&](std::span<const std::int32_t> ids) { all.insert(all.end(), ids.begin(), ids.end()); });
  return all;
}

void check_windows(const Tokenizer& tokenizer, const std::string& text, std::initializer_list<std::size_t> windows) {
  const Ids whole = tokenizer.encode(text, false);
  for (const std::size_t window : windows) {
    for (const unsigned threads : {1u, 3u}) {
      CAPTURE(window);
      CAPTURE(threads);
      CHECK(long_ids(tokenizer, text, window, threads) == whole);
    }
  }
}

std::string long_sample() {
  std::string text;
  for (int i = 0; text.size() < 20000; ++i) {
    text += fmt::format("Line {} of a text, with \"quotes\" and 3.{}14.\n", i, i);
    if (i % 5 == 0) text += "  indented\n\n\n\tdef f(x):\n        return x\n";
    if (i % 7 == 0)
      text += "Caf\u00e9 e\u0301a\u0323\u0301 \u65e5\u672c\u8a9e\u306e\u3001\u4e2d\u6587\u3002\n\U0001F44D\U0001F3FD <s>[INST]  </s>\r\n";
    if (i % 11 == 0) text += "averyveryverylongwordwithoutanyspacesinit" + std::string(40, 'a') + std::string(30, ' ') + "\n";
  }
  return text;
}

/// A byte-level file of the goldens with other parts.
Tokenizer with(const json& parts) {
  json file = json::parse(read_text(goldens() / "gpt2" / "tokenizer.json"));
  file.update(parts);
  return Tokenizer::parse(file.dump(), "t.json");
}

json split(const char* pattern, const char* behavior) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", false}};
}

}  // namespace

TEST_CASE("long text has the ids of the whole text with every tokenizer of the goldens") {
  const std::string text = long_sample();
  for (const char* name : {"gpt2", "llama2", "llama3", "qwen2"}) {
    CAPTURE(name);
    const Tokenizer tokenizer = Tokenizer::load(goldens() / name / "tokenizer.json");
    check_windows(tokenizer, text, {50, 333, 1000, 4096, 1 << 20});
    check_windows(tokenizer, text.substr(0, 500), {1, 2, 3, 5, 17});
  }
}

TEST_CASE("long text has the ids of the whole text with every part of a tokenizer") {
  for (const char* file : {"corners.json", "parts.json"}) {
    const json golden = json::parse(read_text(goldens() / file));
    for (const auto& [name, entry] : golden.at("cases").items()) {
      CAPTURE(name);
      json tokenizer = entry.at("tokenizer");
      for (const char* key : {"vocab", "merges"}) {
        json& value = tokenizer.at("model").at(key);
        value = golden.at("tables").at(value.get<std::string>());
      }
      const Tokenizer parsed = Tokenizer::parse(tokenizer.dump(), name);
      for (std::size_t i = 0; i < golden.at("texts").size(); ++i) {
        if (entry.at("ids")[i].is_null()) continue;
        const auto text = golden.at("texts")[i].get<std::string>();
        CAPTURE(text);
        check_windows(parsed, text, {1, 3, 8});
      }
    }
  }
}

TEST_CASE("long text is not cut where a pattern looks further, a prefix stands in front, or nothing ever ends") {
  const std::string text = long_sample().substr(0, 6000);
  const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", false}};
  const auto then_bytes = [&](const json& step) { return json{{"type", "Sequence"}, {"pretokenizers", {step, bytes}}}; };
  for (const json& step : {
           split("(?<=[a-z]{3} )\\w+(?=[^\\d]*\\d)", "Isolated"),  // looks both ways, far ahead
           split("(?m:\\n.*?\\n)", "MergedWithNext"),              // pairs of line breaks: which ones, the text before says
           split("\"[^\"]*\"", "Contiguous"),                      // so do quotes
           split("\\G\\w+ ?", "Isolated"),                         // depends on where the search began
           split("nothing like it", "Removed"),                    // one part
           split("$^|", "MergedWithPrevious"),                     // empty matches
           json{{"type", "FixedLength"}, {"length", 7}},           // counts from the start
           json{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", false}},
       }) {
    CAPTURE(step.dump());
    check_windows(with({{"pre_tokenizer", then_bytes(step)}}), text, {1, 10, 100, 1000});
  }
  for (const json& normalizer : {
           json{{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}},
           json{{"type", "Replace"}, {"pattern", {{"String", "e\n"}}}, {"content", ""}},
           json{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}},
           json{{"type", "Prepend"}, {"prepend", ">"}},
       }) {
    CAPTURE(normalizer.dump());
    const json sequence = {{"type", "Sequence"}, {"normalizers", {json{{"type", "NFD"}}, normalizer, json{{"type", "NFC"}}}}};
    check_windows(with({{"normalizer", sequence}}), "  " + text + "\n ", {1, 10, 100, 1000});
  }
}

TEST_CASE("added tokens that take white space are found in long text as in the whole") {
  const json flags = {{"id", 9999}, {"normalized", false}, {"special", true}};
  const auto token = [&](const char* content, bool lstrip, bool rstrip, bool single_word, bool normalized) {
    json added = flags;
    added.update({{"content", content}, {"lstrip", lstrip}, {"rstrip", rstrip}, {"single_word", single_word}, {"normalized", normalized}});
    return added;
  };
  const Tokenizer tokenizer = with(
      {{"added_tokens",
        {token("\n", true, false, false, false), token("quotes", false, true, true, true), token("[INST]", true, true, false, false)}}});
  check_windows(tokenizer, long_sample().substr(0, 4000), {1, 10, 100, 1000});
}

TEST_CASE("ill-formed bytes of long text are those of the whole text") {
  const std::string text = "a\xff\xe2\x82 b\xf0\x9f\x98\x80\xf0\x9f\x98 \x80\x80\x80\x80\xed\xa0\x80 c\xc3";
  check_windows(Tokenizer::load(goldens() / "llama2" / "tokenizer.json"), text, {1, 2, 3, 4, 5});
}

TEST_CASE("long text may lie in a scratch file on its way, or in memory where there can be none") {
  std::string text;
  while (text.size() < 100000) text += "a b  c\n";
  const Tokenizer tokenizer = Tokenizer::load(goldens() / "llama2" / "tokenizer.json");  // whose spaces take three bytes
  const auto ids_by = [&](const std::filesystem::path& scratch) {
    Ids all;
    tokenizer.encode_long(text, {.scratch_folder = scratch, .memory = 20000, .window = 5000},
                          [&](std::span<const std::int32_t> ids) { all.insert(all.end(), ids.begin(), ids.end()); });
    return all;
  };
  const Ids whole = tokenizer.encode(text, false);
  const TestFolder folder;
  CHECK(ids_by(folder.path() / "made") == whole);
  CHECK(std::filesystem::is_empty(folder.path() / "made"));  // there was something
  CHECK(ids_by(folder.write("file", "") / "below") == whole);
}

#ifndef _WIN32
TEST_CASE("long text goes back to memory where the disk is full") {
  std::string text;
  while (text.size() < 100000) text += "a b  c\n";
  const Tokenizer tokenizer = Tokenizer::load(goldens() / "llama2" / "tokenizer.json");
  const TestFolder folder;
  struct Limit {
    rlimit before{};
    explicit Limit(rlim_t bytes) {
      std::signal(SIGXFSZ, SIG_IGN);
      getrlimit(RLIMIT_FSIZE, &before);
      const rlimit now{bytes, before.rlim_max};
      setrlimit(RLIMIT_FSIZE, &now);
    }
    ~Limit() {
      setrlimit(RLIMIT_FSIZE, &before);
      std::signal(SIGXFSZ, SIG_DFL);
    }
  };
  Ids all;
  {
    const Limit limit(50000);
    tokenizer.encode_long(text, {.scratch_folder = folder.path() / "made", .memory = 20000, .window = 5000},
                          [&](std::span<const std::int32_t> ids) { all.insert(all.end(), ids.begin(), ids.end()); });
  }
  CHECK(all == tokenizer.encode(text, false));
}
#endif

TEST_CASE("text that gives a pattern too much to do is refused however it is cut") {
  const Tokenizer tokenizer = with({{"pre_tokenizer", split("(?:a|aa)+$", "Isolated")}});
  CHECK_THROWS_WITH_AS(long_ids(tokenizer, std::string(60, 'a') + "b", 10, 3), doctest::Contains("the pattern gives up"), InputError);
}

TEST_CASE("a pattern that would give up in the middle of a text, which is never read from there, does not") {
  const Tokenizer tokenizer = with({{"pre_tokenizer", split("\\A[^!]*!|(?:a|aa)+\\z", "Isolated")}});
  check_windows(tokenizer, "x" + std::string(60, 'a') + "b!", {10});
}

TEST_CASE("a MiB of combining marks is normalized within seconds") {
  std::string marks = "a";
  while (marks.size() < (1u << 20)) marks += "\u0301\u0323";
  for (const char* form : {"NFC", "NFD", "NFKC", "NFKD"}) {
    CAPTURE(form);
    const Tokenizer tokenizer = with({{"normalizer", {{"type", form}}}});
    const std::clock_t start = std::clock();
    const Ids ids = tokenizer.encode(marks);
    CHECK(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < 20);  // n * n steps take a thousand seconds and more
    CHECK(tokenizer.decode(ids).substr(0, 5) == (form[2] == 'C' || form[3] == 'C' ? "\u1ea1\u0323" : "a\u0323\u0323"));
  }
}
