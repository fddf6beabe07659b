#include "ops/tune_matmul.h"

#include "base/file.h"
#include "ops/matmul_kernels.h"
#include "support/device.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace ablate;
using namespace ablate::test;

namespace {

// The cache lies in a folder of its own for as long as this lives.
class OwnCache {
 public:
  OwnCache() {
    if (const char* before = std::getenv("ABLATE_CACHE")) before_ = before;
    setenv("ABLATE_CACHE", folder_.path().c_str(), 1);
  }
  ~OwnCache() { before_.empty() ? unsetenv("ABLATE_CACHE") : setenv("ABLATE_CACHE", before_.c_str(), 1); }

 private:
  TemporaryFolder folder_;
  std::string before_;
};

std::string build(const Choices& choices, std::uint32_t m, std::uint32_t n) {
  Graph graph(pipelines().device().caps(), &choices);
  matmul(graph, graph.input("a", {m, 24}, DType::f32), graph.input("b", {n, 24}, DType::f32), Layout::nt);
  std::string launched;
  for (const Dispatch& dispatch : graph.dispatches()) {
    launched += dispatch.shader;
    for (const auto& [name, value] : dispatch.constants) launched += fmt::format(" {}={}", name, value);
  }
  return launched;
}

}  // namespace

TEST_CASE("questions about products are answered once, and followed") {
  const OwnCache own;
  Choices choices;
  const std::string usual = build(choices, 33, 65);
  build(choices, 5, 7);
  REQUIRE(choices.open().size() == 2);
  CHECK(tune_matmul(pipelines(), choices) == 2);
  CHECK(choices.open().empty());
  CHECK(tune_matmul(pipelines(), choices) == 0);
  if (pipelines().device().caps().is_cpu()) CHECK(build(choices, 33, 65) == usual);

  const std::string question = choices.used().begin()->first;
  REQUIRE(parse_matmul_problem(question));
  for (const auto& [asked, answer] : choices.used()) choices.set(asked, "portable 4x4x1 of 4x4, 0 lanes, 1 buffers, 1 splits");
  CHECK(build(choices, 33, 65).starts_with("matmul/portable"));
  for (const auto& [asked, answer] : choices.used()) choices.set(asked, "a kernel of another version");
  CHECK(build(choices, 33, 65) == usual);
}

TEST_CASE("cached choices stay as they were first made") {
  const OwnCache own;
  const Caps& caps = pipelines().device().caps();
  Choices first;
  first.set("a", "1");
  first.save(caps);
  Choices second;
  second.set("a", "2");
  second.set("b", "3");
  second.save(caps);
  const Choices read = Choices::cached(caps);
  CHECK(read.answers() == std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}});
  CHECK(read.used().empty());
  CHECK(read.find("a") == "1");
  CHECK_FALSE(read.find("c"));
  CHECK(read.open() == std::set<std::string>{"c"});
}

TEST_CASE("what free memory decided is kept by the run and not by the cache") {
  const OwnCache own;
  const Caps& caps = pipelines().device().caps();
  Choices choices;
  choices.set("sequences at once of 9x7 tokens, 100 bytes each", "4");
  choices.set("a", "1");
  choices.save(caps);
  CHECK(Choices::cached(caps).answers() == std::map<std::string, std::string>{{"a", "1"}});
  const TemporaryFolder run;
  choices.share(run.path() / "kernels.json", caps);
  Choices resumed;
  resumed.take(run.path() / "kernels.json", caps);
  CHECK(resumed.answers() == choices.answers());
}

TEST_CASE("all that share a file of choices have the same, each device its own") {
  const TemporaryFolder temporary;
  const std::filesystem::path file = temporary.path() / "kernels.json";
  Caps caps = pipelines().device().caps();
  Choices first, second, elsewhere;
  first.set("a", "1");
  first.share(file, caps);
  second.set("a", "2");
  second.set("b", "3");
  second.share(file, caps);
  CHECK(second.answers() == std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}});
  caps.device_name = "another device";
  elsewhere.set("a", "4");
  elsewhere.share(file, caps);
  Choices there, here;
  there.take(file, caps);
  CHECK(there.find("a") == "4");
  here.take(file, pipelines().device().caps());
  CHECK(here.answers() == second.answers());
}

TEST_CASE("a question says all about a product") {
  MatmulProblem p{3, 5, 7, 2, DType::f16, DType::f16, DType::f32, Layout::tn, true, true, 1, 4, 8};
  CHECK(parse_matmul_problem(p.question()).value().question() == p.question());
  p.bias = false;
  CHECK(parse_matmul_problem(p.question()).value().question() == p.question());
  for (const char* text : {"", "matmul", "matmul nx 1x1x1*1 f32 f32 f32 grouped 1 1 1", "attention 3"})
    CHECK_FALSE(parse_matmul_problem(text));
}
