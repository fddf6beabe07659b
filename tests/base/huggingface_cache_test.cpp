// Names as on the Hugging Face Hub, and where its cache has them.
#include "base/huggingface_cache.h"
#include "base/file.h"
#include "support/environment.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;
namespace fs = std::filesystem;

TEST_CASE("names of the Hub are told from paths") {
  for (const char* text : {"gpt2", "org/name", "HuggingFaceTB/SmolLM2-135M", "a/b_c.d-e", "org/name@v1.0", "org/name@refs/pr/1", "0x/0"}) {
    const auto name = HubName::parse(text);
    REQUIRE_MESSAGE(name, text);
    CHECK(name->text() == text);
  }
  CHECK(HubName::parse("org/name@main")->text() == "org/name");
  CHECK(HubName::parse("org/name@v1")->fetch_command() == "ablate fetch org/name --revision v1");
  for (const char* text :
       {"",        "/",   "/name", "org/", "a/b/c", "./x",    "../x", "~/x",  ".x/y", "x/.y",   "x/y-",    "x/y.",  "a--b/c", "a..b",
        "x/y.git", "a b", "a\\b",  "a:b",  "x@",    "x@../y", "x@/y", "x@y/", "x@-y", "x@a//b", "x@a/./b", "x@y z", "é/x",    "x\ny"})
    CHECK_MESSAGE(!HubName::parse(text), text);
  CHECK_FALSE(HubName::parse(std::string(97, 'x')));
}

TEST_CASE("the cache is where the variables say") {
  const EnvironmentVariable home("HOME", "/home/me");
  const EnvironmentVariable xdg("XDG_CACHE_HOME", ""), huggingface("HF_HOME", ""), hub("HF_HUB_CACHE", "");
  CHECK(huggingface_cache() == "/home/me/.cache/huggingface/hub");
  const EnvironmentVariable other_xdg("XDG_CACHE_HOME", "/x");
  CHECK(huggingface_cache() == "/x/huggingface/hub");
  const EnvironmentVariable other_home("HF_HOME", "~/hf");
  CHECK(huggingface_cache() == "/home/me/hf/hub");
  const EnvironmentVariable other_hub("HF_HUB_CACHE", "/y");
  CHECK(huggingface_cache() == "/y");
  CHECK(cached_repository(*HubName::parse("org/name")) == "/y/models--org--name");
  CHECK(cached_repository(*HubName::parse("gpt2")) == "/y/models--gpt2");
}

TEST_CASE("a revision is the snapshot of its commit") {
  const TemporaryFolder folder;
  const EnvironmentVariable hub("HF_HUB_CACHE", folder.path().string());
  const std::string commit(40, 'a'), gone(40, 'b');
  const fs::path repository = folder / "models--org--name";
  fs::create_directories(repository / "snapshots" / commit);
  fs::create_directories(repository / "refs" / "refs" / "pr");
  write_atomically(repository / "refs" / "main", commit);
  write_atomically(repository / "refs" / "refs" / "pr" / "1", commit + "\n");
  write_atomically(repository / "refs" / "gone", gone);
  write_atomically(repository / "refs" / "empty", std::string_view(""));
  for (const std::string revision : {"", "@main", "@refs/pr/1"})
    CHECK(cached_snapshot(*HubName::parse("org/name" + revision)) == repository / "snapshots" / commit);
  CHECK(cached_snapshot(*HubName::parse("org/name@" + commit)) == repository / "snapshots" / commit);
  for (const std::string revision : {"@gone", "@empty", "@v1", "@refs"})
    CHECK_FALSE(cached_snapshot(*HubName::parse("org/name" + revision)));
  CHECK_FALSE(cached_snapshot(*HubName::parse("org/name@" + gone)));
  CHECK_FALSE(cached_snapshot(*HubName::parse("org/other")));
}
