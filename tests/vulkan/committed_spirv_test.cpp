#include "base/file.h"
#include "support/places.h"
#include "vulkan/glsl.h"
#include "vulkan/shader.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace ablate;
namespace fs = std::filesystem;

TEST_CASE("committed SPIR-V belongs to the source beside it") {
  const fs::path shaders = test::source_folder() / "shaders";
  const IncludeResolver includes = [&](const std::string& name, std::string& text) {
    if (!fs::exists(shaders / name)) return false;
    text = read_text(shaders / name);
    return true;
  };
  std::size_t committed = 0;
  for (const auto& entry : fs::recursive_directory_iterator(shaders)) {
    if (entry.path().extension() != ".comp") continue;
    const std::string text = read_text(entry.path());
    const fs::path spirv = fs::path(entry.path()).replace_extension(".spv"), note = fs::path(entry.path()).replace_extension(".spv.hash");
    const bool needed = text.starts_with("// glslang >= ");
    INFO(entry.path().string(), ": run tools/rebuild_spirv");
    CHECK(fs::exists(spirv) == needed);
    if (!needed || !fs::exists(spirv) || !fs::exists(note)) continue;
    CHECK(read_text(note) == fmt::format("{:016x} {:016x}\n", hash_text(with_includes(text, includes)), hash_text(read_text(spirv))));
    ++committed;
  }
  CHECK(committed > 0);
}
