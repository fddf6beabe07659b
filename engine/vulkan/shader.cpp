#include "vulkan/shader.h"

#include "base/error.h"
#include "base/file.h"
#include "vulkan/glsl.h"

#include <algorithm>
#include <span>

namespace ablate {
namespace {

// Filled before main() by the generated files, read-only afterwards.
std::map<std::string, EmbeddedShader, std::less<>>& embedded_shaders() {
  static std::map<std::string, EmbeddedShader, std::less<>> all;
  return all;
}

std::map<std::string, const char*, std::less<>>& embedded_includes() {
  static std::map<std::string, const char*, std::less<>> all;
  return all;
}

std::unique_ptr<ShaderModule> make_module(const std::string& name, std::vector<std::uint32_t> spirv) {
  auto module = std::make_unique<ShaderModule>();
  module->name = name;
  module->reflection = reflect(name, spirv);
  module->hash = hash_bytes(std::as_bytes(std::span(spirv)));
  module->spirv = std::move(spirv);
  return module;
}

}  // namespace

EmbeddedShaderRegistration::EmbeddedShaderRegistration(EmbeddedShader shader) { embedded_shaders().emplace(shader.name, std::move(shader)); }

EmbeddedIncludeRegistration::EmbeddedIncludeRegistration(const char* name, const char* text) { embedded_includes().emplace(name, text); }

const ShaderModule& ShaderLibrary::find(std::string_view name) {
  if (const auto known = modules_.find(name); known != modules_.end()) return *known->second;
  const auto embedded = embedded_shaders().find(name);
  require(embedded != embedded_shaders().end(), "there is no shader named {}", name);
  const EmbeddedShader::Variant* best = nullptr;
  for (const auto& variant : embedded->second.variants) {
    const bool runs = (storage16_ || !variant.storage16) && (subgroup_ || !variant.subgroup);
    const auto worth = [](const EmbeddedShader::Variant& v) { return v.storage16 + v.subgroup; };
    if (runs && (!best || worth(variant) > worth(*best))) best = &variant;
  }
  if (!best) throw DeviceError(fmt::format("shader {}: no variant for a device without {}", name, storage16_ ? "subgroup arithmetic" : "16-bit storage"));
  auto module = make_module(std::string(name), {best->words, best->words + best->count});
  return *modules_.emplace(name, std::move(module)).first->second;
}

const ShaderModule& ShaderLibrary::add(const std::string& name, const std::string& text) {
  GlslSource source{name, text, {}};
  if (storage16_) source.defines.push_back("STORAGE16=1");
  if (subgroup_) source.defines.push_back("SUBGROUP_ARITHMETIC=1");
  return *(modules_[name] = make_module(name, compile_glsl(source, include)));
}

std::vector<std::string> ShaderLibrary::names() {
  std::vector<std::string> all;
  for (const auto& [name, shader] : embedded_shaders()) all.push_back(name);
  return all;
}

bool ShaderLibrary::include(const std::string& name, std::string& text) {
  const auto found = embedded_includes().find(name);
  if (found == embedded_includes().end()) return false;
  text = found->second;
  return true;
}

std::map<std::string, std::uint64_t> ShaderLibrary::hashes() const {
  std::map<std::string, std::uint64_t> all;
  for (const auto& [name, module] : modules_) all[name] = module->hash;
  return all;
}

}  // namespace ablate
