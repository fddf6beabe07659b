#include "vulkan/shader.h"

#include "base/cache.h"
#include "base/error.h"
#include "base/hash.h"
#include "vulkan/glsl.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
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

// Filled when an experiment file is read.
std::map<std::string, UserFunctions, std::less<>>& user_functions() {
  static std::map<std::string, UserFunctions, std::less<>> all;
  return all;
}

// Finds what the user brought, then Ablate's own texts.
IncludeResolver includes_of(const UserFunctions& functions) {
  return [&functions](const std::string& name, std::string& text) {
    const auto own = functions.texts.find(name);
    if (own == functions.texts.end()) return ShaderLibrary::include(name, text);
    text = own->second;
    return true;
  };
}

constexpr int kept_form = 3;  // of what is kept on disk and how it is compiled: raise it when either changes

std::unique_ptr<ShaderModule> make_module(const std::string& name, std::vector<std::uint32_t> spirv) {
  auto module = std::make_unique<ShaderModule>();
  module->name = name;
  module->reflection = reflect(name, spirv);
  module->hash = hash_bytes(std::as_bytes(std::span(spirv)));
  module->spirv = std::move(spirv);
  return module;
}

}  // namespace

EmbeddedShaderRegistration::EmbeddedShaderRegistration(EmbeddedShader shader) {
  embedded_shaders().emplace(shader.name, std::move(shader));
}

EmbeddedIncludeRegistration::EmbeddedIncludeRegistration(const char* name, const char* text) { embedded_includes().emplace(name, text); }

void add_user_functions(const std::string& suffix, UserFunctions functions) { user_functions()[suffix] = std::move(functions); }

const ShaderModule& ShaderLibrary::find(std::string_view name) {
  if (const auto known = modules_.find(name); known != modules_.end()) return *known->second;
  if (name.find('@') != name.npos)
    return *modules_.emplace(name, make_module(std::string(name), compile(name, storage16_, subgroup_, &cache_trouble_))).first->second;
  const auto embedded = embedded_shaders().find(name);
  require(embedded != embedded_shaders().end(), "there is no shader named {}", name);
  const EmbeddedShader::Variant* best = nullptr;
  for (const auto& variant : embedded->second.variants) {
    const bool runs = (storage16_ || !variant.storage16) && (subgroup_ || !variant.subgroup);
    const auto worth = [](const EmbeddedShader::Variant& v) { return v.storage16 + v.subgroup; };
    if (runs && (!best || worth(variant) > worth(*best))) best = &variant;
  }
  if (!best)
    throw DeviceError(
        fmt::format("shader {}: no variant for a device without {}", name, storage16_ ? "subgroup arithmetic" : "16-bit storage"));
  auto module = make_module(std::string(name), {best->words, best->words + best->count});
  return *modules_.emplace(name, std::move(module)).first->second;
}

std::vector<std::uint32_t> ShaderLibrary::compile(std::string_view name, bool storage16, bool subgroup, std::string* trouble) {
  const auto at = name.find('@');
  const auto functions = at == name.npos ? user_functions().end() : user_functions().find(name.substr(at));
  require(functions != user_functions().end(), "there is no shader named {}", name);
  GlslSource source{std::string(name.substr(0, at)) + ".comp", "", {}};
  require(include(source.name, source.text), "there is no shader named {}", name);
  if (storage16) source.defines.push_back("STORAGE16=1");
  if (subgroup) source.defines.push_back("SUBGROUP_ARITHMETIC=1");
  const IncludeResolver includes = includes_of(functions->second);
  std::set<std::string> hashed;  // a file that includes itself ends here, and is then refused by the compiler
  const IncludeResolver once = [&](const std::string& file, std::string& text) {
    return hashed.insert(file).second && includes(file, text);
  };
  Hasher key;
  key.add(fmt::format("form {}, glslang {}", kept_form, glslang_version())).add(source.name).add(with_includes(source.text, once));
  for (const std::string& define : source.defines) key.add(define);
  const CacheFile cached(std::filesystem::path("shaders") / (key.hex() + ".spv"));
  if (const auto content = cached.read()) {
    std::vector<std::uint32_t> words(content->bytes().size() / 4);
    std::memcpy(words.data(), content->bytes().data(), words.size() * 4);
    return words;
  }
  const std::vector<std::uint32_t> words = compile_glsl(source, includes);
  const std::string not_kept = cached.keep([&](const CacheFile::Sink& sink) { return sink(std::as_bytes(std::span(words))), true; });
  if (trouble && !not_kept.empty()) *trouble = not_kept;
  return words;
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
