// Build step: compiles one kernel in its variants and writes them as a C++ file that registers itself.
//   embed_shader SHADERS_FOLDER norm/rmsnorm.comp OUT.cpp
//   embed_shader --includes SHADERS_FOLDER OUT.cpp       embeds the texts of all shaders, for kernels compiled at run time
//   embed_shader --note SHADERS_FOLDER norm/x.comp       prints the note that belongs beside norm/x.spv: hash of the source, hash of the
//   SPIR-V embed_shader --bfloat16 IN.spv OUT.spv               turns the module's float16_t into bfloat16
// A kernel that includes common/blocks.glsl is compiled for every storage format too, as "NAME.FORMAT" (see there).
// A kernel whose first line is "// glslang >= N" is compiled only by a glslang that new; an older one takes the SPIR-V committed beside it
// (norm/x.spv), which must carry the hash of today's source (norm/x.spv.hash; tools/rebuild_spirv writes both). glslang 15 has no bfloat16:
// a kernel whose name ends in _bf16 is written with float16_t and the type is turned into bfloat16 afterwards.
#include "base/error.h"
#include "base/file.h"
#include "vulkan/glsl.h"
#include "vulkan/shader.h"

#include <glslang/build_info.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>

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

std::vector<std::uint32_t> read_spirv(const fs::path& file) {
  const std::string bytes = read_text(file);
  std::vector<std::uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), words.size() * 4);
  return words;
}

std::vector<std::uint32_t> committed_spirv(const fs::path& source, const std::string& expected) {
  const fs::path spirv = fs::path(source).replace_extension(".spv"), note = fs::path(source).replace_extension(".spv.hash");
  require(fs::exists(spirv) && fs::exists(note), "{}: needs a newer glslang and has no committed SPIR-V; run tools/rebuild_spirv",
          source.string());
  require(read_text(note).starts_with(expected), "{}: changed since {} was made (hash {}); run tools/rebuild_spirv", source.string(),
          spirv.string(), expected);
  return read_spirv(spirv);
}

std::vector<Variant> compile_variants(const std::string& name, const std::string& text, const IncludeResolver& includes) {
  std::vector<Variant> variants;
  for (const bool storage16 : {false, true}) {
    for (const bool subgroup : {false, true}) {
      GlslSource source{name, text, {}};
      if (storage16) source.defines.push_back("STORAGE16=1");
      if (subgroup) source.defines.push_back("SUBGROUP_ARITHMETIC=1");
      auto words = compile_glsl(source, includes);
      if (name.ends_with("_bf16.comp")) words = with_bfloat16(words);
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

constexpr std::string_view stored_format = "formats/stored.glsl";  // stands for the file of the format that a kernel is compiled for

// `format`: the name of a file of shaders/formats, without its ending; none: "".
IncludeResolver includes_in(const fs::path& folder, const std::string& format = "") {
  return [folder, format](const std::string& name, std::string& text) {
    if (name == stored_format) {
      text = format.empty() ? "" : read_text(folder / "formats" / (format + ".glsl"));
      return true;
    }
    if (!fs::exists(folder / name)) return false;
    text = read_text(folder / name);
    return true;
  };
}

std::string source_hash(const fs::path& folder, const std::string& file) {
  return fmt::format("{:016x}", hash_text(with_includes(read_text(folder / file), includes_in(folder))));
}

/// The storage formats that a kernel is compiled for, "" first: as it stands.
std::vector<std::string> formats_of(const fs::path& folder, const std::string& text) {
  std::vector<std::string> formats{""};
  if (text.find("#include \"common/blocks.glsl\"") == text.npos) return formats;
  for (const auto& entry : fs::directory_iterator(folder / "formats")) formats.push_back(entry.path().stem().string());
  std::sort(formats.begin(), formats.end());
  return formats;
}

/// C++ that registers a kernel's variants.
std::string as_registration(const std::string& file, const std::string& name, const std::vector<Variant>& variants) {
  std::string code = "namespace {\n", list;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    reflect(file, variants[i].words);
    code += fmt::format("constexpr std::uint32_t words_{}[] = {{\n{}}};\n", i, as_array(variants[i].words));
    list += fmt::format("{{{}, {}, words_{}, {}}},", variants[i].storage16, variants[i].subgroup, i, variants[i].words.size());
  }
  return code + fmt::format("const ablate::EmbeddedShaderRegistration registration({{\"{}\", {{{}}}}});\n}}  // namespace\n", name, list);
}

void embed_kernel(const fs::path& folder, const std::string& file, const fs::path& out) {
  const std::string text = read_text(folder / file);
  std::string code = "#include \"vulkan/shader.h\"\n";
  for (const std::string& format : formats_of(folder, text)) {
    std::vector<Variant> variants;
    if (GLSLANG_VERSION_MAJOR >= needed_glslang(text)) variants = compile_variants(file, text, includes_in(folder, format));
    else variants.push_back({true, true, committed_spirv(folder / file, source_hash(folder, file))});
    const std::string name = file.substr(0, file.rfind('.')) + (format.empty() ? "" : "." + format);
    const std::string place = format.empty() ? "plain" : format;
    code += fmt::format("namespace stored_as_{} {{\n{}}}\n", place, as_registration(file, name, variants));
  }
  write_atomically(out, code);
}

void embed_includes(const fs::path& folder, const fs::path& out) {
  std::string code = "#include \"vulkan/shader.h\"\n\nnamespace {\n";
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".glsl" || entry.path().extension() == ".comp") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size(); ++i)
    code += fmt::format("const ablate::EmbeddedIncludeRegistration include_{}(\"{}\", R\"glsl({})glsl\");\n", i,
                        fs::relative(files[i], folder).generic_string(), read_text(files[i]));
  write_atomically(out, code + "}  // namespace\n");
}

void print_note(const fs::path& folder, const std::string& file) {
  fmt::print("{} {:016x}\n", source_hash(folder, file), hash_text(read_text((folder / file).replace_extension(".spv"))));
}

void turn_into_bfloat16(const fs::path& in, const fs::path& out) {
  const std::vector<std::uint32_t> words = with_bfloat16(read_spirv(in));
  write_atomically(out, std::as_bytes(std::span(words)));
}

}  // namespace
}  // namespace ablate

int main(int argc, char** argv) {
  try {
    if (argc != 4)
      ablate::bad_input("usage: embed_shader SHADERS_FOLDER FILE.comp OUT.cpp, or --includes, --note or --bfloat16 with two paths");
    const std::string first = argv[1];
    if (first == "--includes") ablate::embed_includes(argv[2], argv[3]);
    else if (first == "--note") ablate::print_note(argv[2], argv[3]);
    else if (first == "--bfloat16") ablate::turn_into_bfloat16(argv[2], argv[3]);
    else ablate::embed_kernel(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
