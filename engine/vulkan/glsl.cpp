#include "vulkan/glsl.h"

#include "base/error.h"

#include <glslang/Public/ShaderLang.h>
#include <glslang/SPIRV/GlslangToSpv.h>
#if __has_include(<glslang/Public/ResourceLimits.h>)
#include <glslang/Public/ResourceLimits.h>
#else
#include <glslang/Include/ResourceLimits.h>
extern const TBuiltInResource* GetDefaultResources();
#endif

#include <list>
#include <mutex>
#include <sstream>

namespace ablate {
namespace {

class Includer : public glslang::TShader::Includer {
 public:
  explicit Includer(const IncludeResolver& resolver) : resolver_(resolver) {}
  IncludeResult* includeLocal(const char* name, const char*, std::size_t) override {
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

std::string with_includes(std::string_view text, const IncludeResolver& includes) {
  std::string all;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto start = line.find("#include \"");
    if (start != std::string::npos && line.find_first_not_of(" \t") == start) {
      const std::string name = line.substr(start + 10, line.find('"', start + 10) - start - 10);
      if (std::string included; includes(name, included)) all += with_includes(included, includes);
    }
    all += line + "\n";
  }
  return all;
}

}  // namespace ablate
