// Shader modules: SPIR-V, what it expects, and where it comes from.
#pragma once

#include "vulkan/caps.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// How a kernel uses the memory behind a pointer of its push constants. The type's name says it: In..., Out..., InOut...
/// (common/kernel.glsl).
enum class Access : std::uint8_t { none, read, write, read_write };

/// One member of the push-constant block.
struct PushField {
  char kind = 'u';  ///< 'p' pointer, 'u' uint, 'i' int, 'f' float
  std::uint32_t offset = 0;
  Access access = Access::none;
  std::string name;
};

/// What SPIR-V says of itself (read with SPIRV-Cross).
struct Reflection {
  std::vector<PushField> push;
  std::uint32_t push_bytes = 0;
  std::map<std::string, std::uint32_t, std::less<>> specialization;  ///< name -> constant id
  std::uint32_t shared_bytes = 0;                                    ///< declared with the default specialization
  std::vector<std::uint32_t> capabilities;                           ///< SpvCapability values
};

/// Throws InputError "name: ..." when the module has anything but a push-constant block as interface, or more than 128 bytes of it.
Reflection reflect(const std::string& name, const std::vector<std::uint32_t>& spirv);

struct ShaderModule {
  std::string name;  ///< "norm/rmsnorm"
  std::vector<std::uint32_t> spirv;
  Reflection reflection;
  std::uint64_t hash = 0;  ///< of the SPIR-V
};

/// A kernel compiled into the program, in up to four variants (with and without 16-bit storage, with and without subgroup arithmetic).
struct EmbeddedShader {
  struct Variant {
    bool storage16, subgroup;
    const std::uint32_t* words;
    std::size_t count;
  };
  const char* name;
  std::vector<Variant> variants;
};

struct EmbeddedShaderRegistration {
  explicit EmbeddedShaderRegistration(EmbeddedShader shader);
};

/// Texts of shaders/, embedded for kernels compiled at run time.
struct EmbeddedIncludeRegistration {
  EmbeddedIncludeRegistration(const char* name, const char* text);
};

/// Functions that take the place of some of Ablate's own: texts by the name of the include they replace ("user/functions/norm.glsl"), and the
/// files of the user's that those include, by their names. Nothing else is read.
struct UserFunctions {
  std::map<std::string, std::string, std::less<>> texts;
};

/// Makes known, for all libraries, what "@..." after a kernel's name stands for: "user/norm@mine" is the kernel user/norm with these
/// functions.
void add_user_functions(const std::string& suffix, UserFunctions functions);

/// The kernels a program can use on one device: the embedded ones in the variant that fits its Caps, and the user's, compiled when added.
class ShaderLibrary {
 public:
  explicit ShaderLibrary(const Caps& caps) : storage16_(caps.storage16), subgroup_(caps.subgroup_arithmetic) {}

  /// Throws InputError naming the shader when there is none, or none that this device can run.
  const ShaderModule& find(std::string_view name);

  /// Compiles a kernel with user functions ("user/norm@mine") for any device, or takes it from the cache on disk. Throws InputError
  /// "file:line: message". `trouble` becomes why the cache could not keep it, one line; it stays as it was otherwise.
  static std::vector<std::uint32_t> compile(std::string_view name, bool storage16, bool subgroup, std::string* trouble = nullptr);

  /// Why the cache could not keep what find() compiled, one line for the user; empty if it could.
  const std::string& cache_trouble() const { return cache_trouble_; }

  /// Names of all embedded kernels.
  static std::vector<std::string> names();
  static bool include(const std::string& name, std::string& text);

  /// What every kernel used so far was made of: name -> hash of its SPIR-V, for the manifest.
  std::map<std::string, std::uint64_t> hashes() const;

 private:
  bool storage16_, subgroup_;
  std::string cache_trouble_;
  std::map<std::string, std::unique_ptr<ShaderModule>, std::less<>> modules_;
};

}  // namespace ablate
