// Build step: compiles one kernel in its variants and writes them as a C++ file that registers itself.
//   embed_shader SHADERS_FOLDER norm/rmsnorm.comp OUT.cpp
//   embed_shader --includes SHADERS_FOLDER OUT.cpp       embeds shaders/common/*.glsl for kernels compiled at run time
// A kernel whose first line is "// glslang >= N" is compiled only by a glslang that new; an older one takes the SPIR-V committed beside it
// (norm/x.spv), which must carry the hash of today's source (norm/x.spv.hash; tools/rebuild_spirv writes both).
#include "base/error.h"
#include "base/file.h"
#include "vulkan/glsl.h"
#include "vulkan/shader.h"

#include <glslang/build_info.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ablate {
namespace {
namespace fs = std::filesystem;

struct Variant {
  bool storage16, subgroup;
  std::vector<std::uint32_t> words;
};

int needed_glslang(const std::string& text) {
  const std::string mark = "// glslang >= ";
  return text.starts_with(mark) ? std::atoi(text.c_str() + mark.size()) : 0;
}

std::vector<std::uint32_t> committed_spirv(const fs::path& source, std::uint64_t hash) {
  const fs::path spirv = fs::path(source).replace_extension(".spv"), note = fs::path(source).replace_extension(".spv.hash");
  const std::string expected = fmt::format("{:016x}", hash);
  require(fs::exists(spirv) && fs::exists(note), "{}: needs a newer glslang and has no committed SPIR-V; run tools/rebuild_spirv", source.string());
  require(read_text(note).starts_with(expected), "{}: changed since {} was made (hash {}); run tools/rebuild_spirv", source.string(), spirv.string(), expected);
  const std::string bytes = read_text(spirv);
  std::vector<std::uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), words.size() * 4);
  return words;
}

std::vector<Variant> compile_variants(const std::string& name, const std::string& text, const IncludeResolver& includes) {
  std::vector<Variant> variants;
  for (const bool storage16 : {false, true}) {
    for (const bool subgroup : {false, true}) {
      GlslSource source{name, text, {}};
      if (storage16) source.defines.push_back("STORAGE16=1");
      if (subgroup) source.defines.push_back("SUBGROUP_ARITHMETIC=1");
      auto words = compile_glsl(source, includes);
      const bool known = std::any_of(variants.begin(), variants.end(), [&](const Variant& v) { return v.words == words; });
      if (!known) variants.push_back({storage16, subgroup, std::move(words)});
    }
  }
  return variants;
}

std::string as_array(const std::vector<std::uint32_t>& words) {
  std::string text;
  text.reserve(words.size() * 11);
  for (std::size_t i = 0; i < words.size(); ++i) text += fmt::format("0x{:x},{}", words[i], i % 16 == 15 ? "\n" : "");
  return text;
}

void embed_kernel(const fs::path& folder, const std::string& file, const fs::path& out) {
  const IncludeResolver includes = [&](const std::string& name, std::string& text) {
    if (!fs::exists(folder / name)) return false;
    text = read_text(folder / name);
    return true;
  };
  const std::string name = file.substr(0, file.rfind('.'));
  const std::string text = read_text(folder / file);
  std::vector<Variant> variants;
  if (GLSLANG_VERSION_MAJOR >= needed_glslang(text)) variants = compile_variants(file, text, includes);
  else variants.push_back({true, true, committed_spirv(folder / file, hash_text(with_includes(text, includes)))});
  std::string code = "#include \"vulkan/shader.h\"\n\nnamespace {\n";
  std::string list;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    reflect(file, variants[i].words);
    code += fmt::format("constexpr std::uint32_t words_{}[] = {{\n{}}};\n", i, as_array(variants[i].words));
    list += fmt::format("{{{}, {}, words_{}, {}}},", variants[i].storage16, variants[i].subgroup, i, variants[i].words.size());
  }
  code += fmt::format("const ablate::EmbeddedShaderRegistration registration({{\"{}\", {{{}}}}});\n}}  // namespace\n", name, list);
  write_atomically(out, code);
}

void embed_includes(const fs::path& folder, const fs::path& out) {
  std::string code = "#include \"vulkan/shader.h\"\n\nnamespace {\n";
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".glsl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size(); ++i)
    code += fmt::format("const ablate::EmbeddedIncludeRegistration include_{}(\"{}\", R\"glsl({})glsl\");\n", i, fs::relative(files[i], folder).generic_string(),
                        read_text(files[i]));
  write_atomically(out, code + "}  // namespace\n");
}

}  // namespace
}  // namespace ablate

int main(int argc, char** argv) {
  try {
    if (argc != 4) ablate::bad_input("usage: embed_shader SHADERS_FOLDER FILE.comp OUT.cpp | embed_shader --includes SHADERS_FOLDER OUT.cpp");
    if (std::string(argv[1]) == "--includes") ablate::embed_includes(argv[2], argv[3]);
    else ablate::embed_kernel(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
