#include "vulkan/glsl.h"

#include "base/error.h"

#include <glslang/build_info.h>
#include <glslang/Public/ShaderLang.h>
#include <glslang/SPIRV/GlslangToSpv.h>
#if __has_include(<glslang/Public/ResourceLimits.h>)
#include <glslang/Public/ResourceLimits.h>
#else
#include <glslang/Include/ResourceLimits.h>
extern const TBuiltInResource* GetDefaultResources();
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <list>
#include <mutex>
#include <sstream>

namespace ablate {
namespace {

class Includer : public glslang::TShader::Includer {
 public:
  explicit Includer(const IncludeResolver& resolver) : resolver_(resolver) {}
  IncludeResult* includeLocal(const char* name, const char*, std::size_t depth) override {
    if (depth > 32) return nullptr;  // a file that includes itself
    auto& text = texts_.emplace_back();
    if (!resolver_(name, text)) return nullptr;
    return &results_.emplace_back(name, text.data(), text.size(), nullptr);
  }
  IncludeResult* includeSystem(const char* name, const char* from, std::size_t depth) override { return includeLocal(name, from, depth); }
  void releaseInclude(IncludeResult*) override {}

 private:
  const IncludeResolver& resolver_;
  std::list<std::string> texts_;
  std::list<IncludeResult> results_;
};

// "ERROR: norm/mine.comp:12: 'x' : undeclared" -> "norm/mine.comp:12: 'x' : undeclared"
std::string first_message(const char* log, const std::string& name) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("ERROR: ")) return line.substr(7);
    if (line.starts_with("WARNING: ")) return line.substr(9);
  }
  return name + ": " + log;
}

void initialize_once() {
  static std::once_flag once;
  std::call_once(once, [] { glslang::InitializeProcess(); });
}

}  // namespace

std::vector<std::uint32_t> compile_glsl(const GlslSource& source, const IncludeResolver& includes) {
  initialize_once();
  glslang::TShader shader(EShLangCompute);
  std::string preamble = "#extension GL_GOOGLE_include_directive : require\n";
  for (std::string define : source.defines) {
    if (const auto equals = define.find('='); equals != std::string::npos) define[equals] = ' ';
    preamble += "#define " + define + "\n";
  }
  const char* text = source.text.c_str();
  const char* name = source.name.c_str();
  const int length = static_cast<int>(source.text.size());
  shader.setStringsWithLengthsAndNames(&text, &length, &name, 1);
  shader.setPreamble(preamble.c_str());
  shader.setEnvInput(glslang::EShSourceGlsl, EShLangCompute, glslang::EShClientVulkan, 100);
  shader.setEnvClient(glslang::EShClientVulkan, glslang::EShTargetVulkan_1_3);
  shader.setEnvTarget(glslang::EShTargetSpv, glslang::EShTargetSpv_1_6);
  const auto rules = static_cast<EShMessages>(EShMsgSpvRules | EShMsgVulkanRules);
  Includer includer(includes);
  if (!shader.parse(GetDefaultResources(), 460, false, rules, includer)) throw InputError(first_message(shader.getInfoLog(), source.name));
  glslang::TProgram program;
  program.addShader(&shader);
  if (!program.link(rules)) throw InputError(first_message(program.getInfoLog(), source.name));
  std::vector<std::uint32_t> words;
  glslang::GlslangToSpv(*program.getIntermediate(EShLangCompute), words);
  return words;
}

std::vector<std::uint32_t> with_bfloat16(const std::vector<std::uint32_t>& spirv) {
  constexpr std::size_t header = 5;
  constexpr std::uint32_t op_extension = 10, op_capability = 17, op_type_float = 22;
  constexpr std::uint32_t capability_float16 = 9, capability_bfloat16 = 5116, capability_bfloat16_matrix = 5118, encoding_bfloat16 = 0;
  const auto name = std::to_array("SPV_KHR_bfloat16\0\0\0");  // padded to whole words
  std::vector<std::uint32_t> extension(1 + name.size() / 4, static_cast<std::uint32_t>(1 + name.size() / 4) << 16 | op_extension);
  std::memcpy(extension.data() + 1, name.data(), name.size() / 4 * 4);

  std::vector<std::uint32_t> out(spirv.begin(), spirv.begin() + header);
  bool extended = false;
  for (std::size_t at = header; at < spirv.size();) {
    const std::uint32_t op = spirv[at] & 0xffffu, count = std::max(spirv[at] >> 16, 1u);
    if (op != op_capability && !extended) {
      out.insert(out.end(), {2u << 16 | op_capability, capability_bfloat16, 2u << 16 | op_capability, capability_bfloat16_matrix});
      out.insert(out.end(), extension.begin(), extension.end());
      extended = true;
    }
    if (op == op_type_float && spirv[at + 2] == 16) out.insert(out.end(), {4u << 16 | op_type_float, spirv[at + 1], 16, encoding_bfloat16});
    else if (op != op_capability || spirv[at + 1] != capability_float16)
      out.insert(out.end(), spirv.begin() + static_cast<std::ptrdiff_t>(at), spirv.begin() + static_cast<std::ptrdiff_t>(at + count));
    at += count;
  }
  return out;
}

int glslang_version() { return GLSLANG_VERSION_MAJOR * 1000000 + GLSLANG_VERSION_MINOR * 1000 + GLSLANG_VERSION_PATCH; }

// A directive as the preprocessor sees it: lines that end in a backslash joined, comments taken for spaces.
static std::string without_comments(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\\\n")) i += 1;
    else if (rest.starts_with("\\\r\n")) i += 2;
    else if (rest.starts_with("/*")) {
      i = std::min(text.find("*/", i + 2), text.size() - 2) + 1;
      plain += ' ';
    } else plain += text[i];
  }
  return plain;
}

// The name that a line includes, or "".
static std::string included_name(std::string_view line) {
  const auto skip = [&] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  skip();
  if (!line.starts_with('#')) return "";
  line.remove_prefix(1);
  skip();
  if (!line.starts_with("include")) return "";
  line.remove_prefix(7);
  skip();
  if (!line.starts_with('"') && !line.starts_with('<')) return "";
  const std::size_t end = line.find(line.front() == '"' ? '"' : '>', 1);
  return std::string(line.substr(1, end == line.npos ? end : end - 1));
}

std::vector<std::string> included_names(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string& read : {std::string(text), without_comments(text)}) {
    std::istringstream lines(read);
    for (std::string line; std::getline(lines, line);) {
      std::string name = included_name(line);
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
  }
  return names;
}

// An include's text stands before its line; one that only shows without comments, at the end. (The notes beside committed SPIR-V are hashes of this.)
std::string with_includes(std::string_view text, const IncludeResolver& includes) {
  std::string all;
  const auto add = [&](const std::string& name) {
    if (std::string included; includes(name, included)) all += with_includes(included, includes);
  };
  std::vector<std::string> hidden = included_names(text);
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (const std::string name = included_name(line); !name.empty()) {
      add(name);
      std::erase(hidden, name);
    }
    all += line + "\n";
  }
  for (const std::string& name : hidden) add(name);
  return all;
}

}  // namespace ablate
